//! Opens a WebSocket to the signaling server, and describes the error if that fails.

use std::{io, time::Duration};

use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{Error, protocol::WebSocketConfig},
};
use url::{Host, Url};

use super::{tcp, tls};
use crate::{
    core::{SocketEnd, close_code},
    limits::MAX_SIGNAL_LEN,
};

/// The connection attempt ends this long before the room times out, because its error text is more
/// precise than that of the room. Large enough for a busy machine.
const MARGIN: Duration = Duration::from_secs(2);
pub(super) type WebSocket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens a WebSocket, for which the room waits until the timeout.
///
/// # Errors
/// Returns the step that failed, with a text for the player.
pub(super) async fn connect(url: &str, timeout: Duration) -> Result<WebSocket, SocketEnd> {
    let tls = tls::client_config().map_err(|error| unreachable(error.to_string()))?;
    let deadline = Instant::now() + timeout.saturating_sub(MARGIN);
    let stream = timeout_at(deadline, open(url, deadline))
        .await
        .unwrap_or_else(|_| Err(unreachable("no machine answers at this address")))?;
    let _ = stream.set_nodelay(true);
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_SIGNAL_LEN))
        .max_frame_size(Some(MAX_SIGNAL_LEN));
    let upgrade =
        client_async_tls_with_config(url, stream, Some(config), Some(Connector::Rustls(tls)));
    match timeout_at(deadline, upgrade).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(error)) => Err(handshake_error(error)),
        Err(_) => Err(SocketEnd::NotSignaling(
            "it accepts connections but does not respond".to_owned(),
        )),
    }
}

fn unreachable(why: impl Into<String>) -> SocketEnd {
    SocketEnd::Unreachable(why.into())
}

/// Looks up the server's name and opens a TCP connection.
async fn open(url: &str, deadline: Instant) -> Result<TcpStream, SocketEnd> {
    let (host, port) = host_and_port(url).ok_or_else(|| unreachable("its address has no host"))?;
    // The lookup runs on a thread that cannot be cancelled. On a timeout, it continues without
    // this task.
    let found = match timeout_at(deadline, tcp::lookup(&host, port)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            return Err(unreachable(format!(
                "no address was found for {host}: {error}"
            )));
        }
        Err(_) => {
            return Err(unreachable(format!(
                "looking up the address of {host} takes too long"
            )));
        }
    };
    let opened = tcp::open_any(found).await;
    opened.map_err(|error| unreachable(error.to_string()))
}

fn host_and_port(url: &str) -> Option<(String, u16)> {
    let url = Url::parse(url).ok()?;
    let host = match url.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    Some((host, url.port_or_known_default()?))
}

/// Converts the error of a WebSocket handshake.
fn handshake_error(error: Error) -> SocketEnd {
    match error {
        Error::Http(response) => {
            let text = response.body().as_deref().map(String::from_utf8_lossy);
            let text = excerpt(&text.unwrap_or_default());
            http_error(response.status().as_u16(), text)
        }
        Error::Io(error) if error.kind() != io::ErrorKind::InvalidData => {
            unreachable(error.to_string())
        }
        error => SocketEnd::NotSignaling(error.to_string()),
    }
}

/// Converts an HTTP status. Matchbox servers reject a client with a status, the huddle server with
/// a close code.
fn http_error(status: u16, text: String) -> SocketEnd {
    match status {
        400 => SocketEnd::Closed(Some(close_code::REFUSED), text),
        401 => SocketEnd::Closed(Some(close_code::TOKEN_NEEDED), text),
        403 => SocketEnd::Closed(Some(close_code::FORBIDDEN), text),
        404 => SocketEnd::Closed(Some(close_code::NOT_FOUND), text),
        429 | 503 => SocketEnd::Closed(Some(close_code::FULL), text),
        500.. => unreachable(format!("it answered with HTTP status {status} {text}")),
        _ => SocketEnd::NotSignaling(format!("it answered with HTTP status {status}")),
    }
}

/// Returns the beginning of a server's text. The core shortens it further, once it has removed
/// secrets.
pub(super) fn excerpt(text: &str) -> String {
    text.trim().chars().take(4096).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);
    const LOCAL: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

    /// Starts a server that answers the first request with `answer`, and no other. Returns its URL.
    async fn serve(answer: &'static str) -> String {
        let listener = TcpListener::bind(LOCAL).await.unwrap();
        let url = format!("ws://{}/room", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        url
    }

    #[tokio::test]
    async fn other_servers_are_reported_as_not_signaling() {
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
            "HTTP/1.1 302 Found\r\nlocation: http://portal.example/\r\n\r\n",
            "SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
            "\0\0\0\0garbage\r\n\r\n",
            "",
        ] {
            let url = serve(answer).await;
            let end = connect(&url, TIMEOUT).await.unwrap_err();
            assert!(
                matches!(end, SocketEnd::NotSignaling(_)),
                "{answer:?}: {end:?}"
            );
        }
    }

    #[tokio::test]
    async fn server_behind_failing_proxy_is_unreachable() {
        let url = serve("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
        let end = connect(&url, TIMEOUT).await.unwrap_err();
        assert!(matches!(end, SocketEnd::Unreachable(_)), "{end:?}");
    }

    #[tokio::test]
    async fn refusals_of_servers_that_answer_with_a_status_have_close_codes() {
        for (answer, code) in [
            ("HTTP/1.1 400 Bad Request\r\n", close_code::REFUSED),
            ("HTTP/1.1 401 Unauthorized\r\n", close_code::TOKEN_NEEDED),
            ("HTTP/1.1 403 Forbidden\r\n", close_code::FORBIDDEN),
            ("HTTP/1.1 429 Too Many Requests\r\n", close_code::FULL),
        ] {
            let answer = format!("{answer}content-length: 3\r\n\r\nwhy");
            let url = serve(answer.leak()).await;
            let end = connect(&url, TIMEOUT).await.unwrap_err();
            assert_eq!(end, SocketEnd::Closed(Some(code), "why".into()));
        }
    }

    #[tokio::test]
    async fn unknown_name_is_part_of_the_error() {
        let end = connect("ws://no-such-name.invalid/room", TIMEOUT)
            .await
            .unwrap_err();
        let SocketEnd::Unreachable(text) = end else {
            panic!("{end:?}");
        };
        assert!(text.contains("no-such-name.invalid"), "{text}");
    }

    #[test]
    fn host_and_port_are_parsed_from_url() {
        for (url, host, port) in [
            ("ws://play.example/room", "play.example", 80),
            ("wss://play.example/room", "play.example", 443),
            ("ws://[::1]:3536/room?next=2", "::1", 3536),
        ] {
            assert_eq!(host_and_port(url), Some((host.to_owned(), port)));
        }
    }
}
