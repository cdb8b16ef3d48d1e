//! From an address to an open WebSocket, and what is wrong if there is none.

use std::{io, net::SocketAddr, time::Duration};

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, sleep, timeout_at},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{Error, protocol::WebSocketConfig},
};
use url::{Host, Url};

use crate::{
    core::{CONNECT_TIMEOUT, SocketEnd, close_code},
    limits::MAX_SIGNAL_LEN,
};

/// So much before the room gives up, which knows less about why; a busy machine may be late.
const MARGIN: Duration = Duration::from_secs(2);
/// How much earlier each address of a server is tried than the next (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses of a server that are tried.
const MAX_ADDRESSES: usize = 16;

pub(super) type WebSocket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens a WebSocket, or says at which step that failed.
pub(super) async fn connect(url: &str) -> Result<WebSocket, SocketEnd> {
    // Which provider of cryptography is used must not depend on what else is compiled in.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let deadline = Instant::now() + CONNECT_TIMEOUT - MARGIN;
    let stream = timeout_at(deadline, open(url, deadline))
        .await
        .unwrap_or_else(|_| Err(unreachable("no machine answers there")))?;
    let _ = stream.set_nodelay(true);
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_SIGNAL_LEN))
        .max_frame_size(Some(MAX_SIGNAL_LEN));
    let upgrade = client_async_tls_with_config(url, stream, Some(config), None);
    match timeout_at(deadline, upgrade).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(error)) => Err(refused(error)),
        Err(_) => Err(SocketEnd::NotSignaling(
            "it lets connections in and says nothing".to_owned(),
        )),
    }
}

fn unreachable(why: impl Into<String>) -> SocketEnd {
    SocketEnd::Unreachable(why.into())
}

/// Looks the server's name up and opens a connection.
async fn open(url: &str, deadline: Instant) -> Result<TcpStream, SocketEnd> {
    let (host, port) = host_and_port(url).ok_or_else(|| unreachable("its address has no host"))?;
    // A name is looked up on a thread that cannot be stopped; nobody has to wait for it.
    let found = match timeout_at(deadline, lookup_host((&*host, port))).await {
        Ok(Ok(found)) => found.take(MAX_ADDRESSES).collect(),
        Ok(Err(error)) => {
            return Err(unreachable(format!(
                "no address is found for {host}: {error}"
            )));
        }
        Err(_) => {
            return Err(unreachable(format!(
                "looking up the address of {host} takes too long"
            )));
        }
    };
    let opened = open_any(found).await;
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

/// The first of these addresses that answers: one that does not, as of a network whose IPv6 leads nowhere, must not
/// hold up the others.
async fn open_any(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts: FuturesUnordered<_> = (0..)
        .zip(addresses)
        .map(async |(place, address)| {
            sleep(HEAD_START * place).await;
            TcpStream::connect(address).await
        })
        .collect();
    let mut result = Err(io::Error::other("its name has no address"));
    while let Some(done) = attempts.next().await {
        result = done;
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Somebody answered, but not with a WebSocket.
fn refused(error: Error) -> SocketEnd {
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

/// Stock servers refuse with an HTTP status where ours closes with a code.
fn http_error(status: u16, text: String) -> SocketEnd {
    match status {
        400 | 401 | 403 => SocketEnd::Closed(Some(close_code::REFUSED), text),
        404 => SocketEnd::Closed(Some(close_code::NOT_FOUND), text),
        429 | 503 => SocketEnd::Closed(Some(close_code::FULL), text),
        500.. => unreachable(format!("it answered with HTTP status {status} {text}")),
        _ => SocketEnd::NotSignaling(format!("it answered with HTTP status {status}")),
    }
}

/// Enough of a server's text to understand it.
pub(super) fn excerpt(text: &str) -> String {
    text.trim().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpSocket},
        time::timeout,
    };

    use super::*;

    const LOCAL: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

    /// An address that takes no connection and refuses none: its queue is full.
    async fn black_hole() -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(LOCAL.into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut filling = Vec::new();
        while let Ok(stream) =
            timeout(Duration::from_millis(100), TcpStream::connect(address)).await
        {
            filling.push(stream.unwrap());
        }
        (listener, filling)
    }

    /// Answers the first request with `answer`, and says nothing to the next.
    async fn answering(answer: &'static str) -> String {
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
    async fn an_address_that_does_not_answer_holds_up_no_other() {
        let (dead, _filling) = black_hole().await;
        let alive = TcpListener::bind(LOCAL).await.unwrap();
        let both = [&dead, &alive].map(|listener| listener.local_addr().unwrap());
        let opened = timeout(Duration::from_secs(2), open_any(both.to_vec())).await;
        let opened = opened.expect("the second address is tried in time");
        assert_eq!(opened.unwrap().peer_addr().unwrap(), both[1]);
    }

    #[tokio::test]
    async fn whatever_answers_that_is_no_signaling_server_is_told_as_that() {
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
            "HTTP/1.1 302 Found\r\nlocation: http://portal.example/\r\n\r\n",
            "SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
            "\0\0\0\0garbage\r\n\r\n",
            "",
        ] {
            let url = answering(answer).await;
            let end = connect(&url).await.unwrap_err();
            assert!(
                matches!(end, SocketEnd::NotSignaling(_)),
                "{answer:?}: {end:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_server_behind_a_proxy_that_is_down_is_unreachable() {
        let url = answering("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
        let end = connect(&url).await.unwrap_err();
        assert!(matches!(end, SocketEnd::Unreachable(_)), "{end:?}");
    }

    #[tokio::test]
    async fn a_name_that_is_not_found_is_said() {
        let end = connect("ws://no-such-name.invalid/room").await.unwrap_err();
        let SocketEnd::Unreachable(text) = end else {
            panic!("{end:?}");
        };
        assert!(text.contains("no-such-name.invalid"), "{text}");
    }

    #[test]
    fn hosts_and_ports_are_found_in_addresses() {
        for (url, host, port) in [
            ("ws://play.example/room", "play.example", 80),
            ("wss://play.example/room", "play.example", 443),
            ("ws://[::1]:3536/room?next=2", "::1", 3536),
        ] {
            assert_eq!(host_and_port(url), Some((host.to_owned(), port)));
        }
    }
}
