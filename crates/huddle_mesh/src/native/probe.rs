//! Asks a STUN or TURN server directly, to find out why a connection got no address from it.

use std::{
    error::Error,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::BytesMut;
use rtc_shared::{TransportContext, TransportMessage, TransportProtocol};
use rtc_turn::client::{Client, ClientConfig as TurnConfig, Event};
use rustls::ClientConfig;
use sansio::Protocol;
use tokio::time::{Instant, timeout, timeout_at};
use webrtc::peer_connection::crypto::default_provider;

use super::{carrier::Carrier, tcp};
use crate::{config::IceServer, diagnose::ServerFailure, ice_url::IceUrl};

/// The time that the lookup of the name, and then the answer may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest packet to read.
const MAX_PACKET_LEN: usize = 1500;
/// The longest text of a server to show.
const MAX_TEXT_LEN: usize = 100;

/// Asks a server for an address.
///
/// # Errors
/// Returns an error if it does not answer, or not with an address. No error means that the server
/// answered: if a connection got no address from it, this is not the server's fault.
pub(super) async fn ask(
    url: &str,
    server: &IceServer,
    tls: Arc<ClientConfig>,
) -> Result<(), ServerFailure> {
    let Ok(parsed) = IceUrl::parse(url) else {
        return Err(ServerFailure::UnknownName(
            "the address is not valid".into(),
        ));
    };
    let address = resolve(&parsed).await?;
    let carrier = timeout(STEP_TIMEOUT, Carrier::open(&parsed, address, tls)).await;
    let mut carrier = carrier.unwrap_or_else(|_| Err(no_answer()))?;
    let login = parsed.is_turn.then_some(server);
    let answered = exchange(&mut carrier, address, login).await;
    answered.unwrap_or_else(|error| Err(ServerFailure::NoAnswer(error.to_string())))
}

async fn resolve(parsed: &IceUrl<'_>) -> Result<SocketAddr, ServerFailure> {
    let unknown = |reason: String| Err(ServerFailure::UnknownName(reason));
    match timeout(STEP_TIMEOUT, tcp::lookup(parsed.host, parsed.port)).await {
        Ok(Ok(found)) => match found.first() {
            Some(address) => Ok(*address),
            None => unknown("its name has no address".to_owned()),
        },
        Ok(Err(error)) => unknown(error.to_string()),
        Err(_) => unknown("looking it up takes too long".to_owned()),
    }
}

fn no_answer() -> ServerFailure {
    ServerFailure::NoAnswer(format!("no packet within {} s", STEP_TIMEOUT.as_secs()))
}

/// Sends a STUN request, or requests an address of a TURN server with the given login.
async fn exchange(
    carrier: &mut Carrier,
    address: SocketAddr,
    login: Option<&IceServer>,
) -> Result<Result<(), ServerFailure>, Box<dyn Error>> {
    let local_addr = match address.is_ipv4() {
        true => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        false => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let config = TurnConfig {
        turn_serv_addr: address.to_string(),
        local_addr,
        transport_protocol: TransportProtocol::UDP,
        username: text(login.and_then(|server| server.username.as_ref())),
        password: text(login.and_then(|server| server.credential.as_ref())),
        ..TurnConfig::default()
    };
    let mut client = Client::new(config, default_provider()?)?;
    let now = || Instant::now().into_std();
    match login {
        Some(_) => client.allocate(now())?,
        None => client.send_binding_request_to(now(), address)?,
    };
    let deadline = Instant::now() + STEP_TIMEOUT;
    let mut buffer = [0; MAX_PACKET_LEN];
    while Instant::now() < deadline {
        while let Some(packet) = client.poll_write() {
            carrier.send(&packet.message).await?;
        }
        while let Some(event) = client.poll_event() {
            match event {
                Event::BindingResponse(..) => return Ok(Ok(())),
                Event::AllocateResponse(_, relayed) => {
                    // The server would keep the address for ten minutes.
                    client.relay(relayed)?.close(now())?;
                    while let Some(packet) = client.poll_write() {
                        carrier.send(&packet.message).await?;
                    }
                    return Ok(Ok(()));
                }
                Event::BindingError(_, error) | Event::AllocateError(_, error) => {
                    return Ok(Err(refusal(&error.to_string())));
                }
                _ => {}
            }
        }
        // A stream repeats nothing, and must not stop in the middle of a message.
        let wake = match carrier {
            Carrier::Datagrams(_) => client.poll_timeout().map(Instant::from_std),
            Carrier::Stream(_) => None,
        };
        let wake = wake.unwrap_or(deadline).min(deadline);
        match timeout_at(wake, carrier.receive(&mut buffer)).await {
            Ok(received) => client.handle_read(TransportMessage {
                now: now(),
                transport: TransportContext {
                    local_addr,
                    peer_addr: address,
                    transport_protocol: TransportProtocol::UDP,
                    ecn: None,
                },
                message: BytesMut::from(&buffer[..received?]),
            })?,
            Err(_) => client.handle_timeout(now())?,
        }
    }
    Ok(Err(no_answer()))
}

/// Converts the library's text, which ends like `(error 401: Unauthorized)`.
fn refusal(text: &str) -> ServerFailure {
    let error = text.rsplit_once("(error ").map(|(_, error)| error);
    let parts = error.and_then(|error| error.trim_end_matches(')').split_once(':'));
    let excerpt = |text: &str| text.trim().chars().take(MAX_TEXT_LEN).collect();
    match parts.and_then(|(code, text)| Some((code.trim().parse().ok()?, text))) {
        Some((code, text)) => ServerFailure::Refused {
            code,
            text: excerpt(text),
        },
        None => ServerFailure::Useless(excerpt(&format!("not as expected: {text}"))),
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::AsyncWriteExt,
        net::{TcpListener, UdpSocket},
    };

    use super::*;
    use crate::platform::tls;

    #[test]
    fn error_code_of_the_server_is_kept() {
        let refused = |code, text: &str| ServerFailure::Refused {
            code,
            text: text.to_owned(),
        };
        let text = "Allocate error response (error 401: Unauthorized)";
        assert_eq!(refusal(text), refused(401, "Unauthorized"));
        assert!(matches!(
            refusal("attribute not found"),
            ServerFailure::Useless(_)
        ));
    }

    #[tokio::test]
    async fn closed_port_and_unknown_name_are_different_failures() {
        // Nothing listens on the port of a socket that was closed.
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        drop(socket);
        let tls = tls::client_config().unwrap();
        let ask = async |url: String| {
            let server = IceServer::stun(&url);
            ask(&url, &server, Arc::clone(&tls)).await.unwrap_err()
        };
        let closed = ask(format!("stun:127.0.0.1:{port}")).await;
        assert!(matches!(closed, ServerFailure::NoAnswer(_)), "{closed:?}");
        let unknown = ask("stun:no-such-name.invalid".to_owned()).await;
        assert!(
            matches!(unknown, ServerFailure::UnknownName(_)),
            "{unknown:?}"
        );
    }

    #[tokio::test]
    async fn server_without_tls_is_not_a_server_that_is_down() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(b"this is not a TLS handshake").await;
        });
        let url = format!("turns:localhost:{port}?transport=tcp");
        let server = IceServer::turn(&url, "ada", "secret");
        let tls = tls::client_config().unwrap();
        let failure = ask(&url, &server, tls).await.unwrap_err();
        let ServerFailure::Useless(reason) = failure else {
            panic!("{failure:?}");
        };
        assert!(reason.contains("TLS is not possible"), "{reason}");
    }
}
