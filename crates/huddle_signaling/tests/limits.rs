//! Limits: no client can disturb another.

mod common;

use std::time::{Duration, Instant};

use common::{Client, TIMEOUT, connect, get, get_on, local_config, next, start};
use futures_util::{SinkExt, StreamExt};
use huddle_signaling::{Config, close_code};
use matchbox_protocol::{JsonPeerEvent, PeerId};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

/// Joins a client that neither reads nor writes after the upgrade.
async fn join_and_stall(addr: std::net::SocketAddr, member: &mut Client) -> (PeerId, TcpStream) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(addr).await.unwrap();
    let request = format!(
        "GET /room HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let JsonPeerEvent::NewPeer(id) = member.event().await else {
        panic!("the stalled client must join");
    };
    (id, stream)
}

/// Checks that the connection ends soon, with a close frame that has this code.
async fn assert_closed_with(stream: &mut TcpStream, code: u16) {
    let mut received = Vec::new();
    let read = timeout(TIMEOUT, stream.read_to_end(&mut received)).await;
    read.expect("the connection ends").unwrap();
    let has_close_frame = received
        .windows(4)
        .any(|bytes| bytes[0] == 0x88 && bytes[2..] == code.to_be_bytes());
    assert!(has_close_frame, "no close frame with code {code}");
}

#[tokio::test]
async fn only_the_client_that_does_not_read_is_disconnected() {
    let config = Config {
        max_queue_bytes: 256 * 1024,
        messages_per_second: 1_000_000,
        ..local_config()
    };
    let server = start(config).await;
    let mut a = Client::join(server.addr, "/room").await;
    let mut b = Client::join(server.addr, "/room").await;
    a.expect_new_peer(&b).await;
    let (slow, mut stalled) = join_and_stall(server.addr, &mut a).await;
    assert_eq!(b.event().await, JsonPeerEvent::NewPeer(slow));

    let (mut sink, mut stream) = a.socket.split();
    let flood = async {
        let data = "x".repeat(60_000);
        loop {
            let request = format!(r#"{{"Signal":{{"receiver":"{slow}","data":"{data}"}}}}"#);
            sink.send(Message::text(request)).await.unwrap();
        }
    };
    let event = async {
        let Some(Ok(Message::Text(text))) = stream.next().await else {
            panic!("the sender must stay connected");
        };
        text.parse::<JsonPeerEvent>().unwrap()
    };
    let event = timeout(TIMEOUT, async {
        tokio::select! {
            event = event => event,
            () = flood => unreachable!(),
        }
    });
    assert_eq!(event.await.unwrap(), JsonPeerEvent::PeerLeft(slow));
    b.expect_peer_left(slow).await;
    b.expect_nothing().await;
    assert_closed_with(&mut stalled, close_code::POLICY_VIOLATION).await;
}

#[tokio::test]
async fn message_over_the_limit_disconnects_only_its_sender() {
    let server = start(local_config()).await;
    let mut a = Client::join(server.addr, "/room").await;
    let mut b = Client::join(server.addr, "/room").await;
    a.expect_new_peer(&b).await;
    b.signal(a.id, json!("x".repeat(60 * 1024))).await;
    a.expect_signal(b.id, json!("x".repeat(60 * 1024))).await;

    let id = b.id;
    b.signal(a.id, json!("x".repeat(64 * 1024))).await;
    assert_eq!(b.closed().await.0, close_code::MESSAGE_TOO_BIG);
    a.expect_peer_left(id).await;
    a.expect_nothing().await;
}

#[tokio::test]
async fn huge_message_is_refused_after_its_header() {
    let server = start(local_config()).await;
    let mut a = Client::join(server.addr, "/room").await;
    let (id, mut stream) = join_and_stall(server.addr, &mut a).await;
    // The header of a frame of 1 MiB.
    let head = [0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4];
    stream.write_all(&head).await.unwrap();
    a.expect_peer_left(id).await;
    assert_closed_with(&mut stream, close_code::MESSAGE_TOO_BIG).await;
}

#[tokio::test]
async fn too_many_invalid_messages_disconnect_a_client() {
    let config = Config {
        max_invalid_messages: 8,
        ..local_config()
    };
    let server = start(config).await;
    let mut a = Client::join(server.addr, "/room").await;
    let mut b = Client::join(server.addr, "/room").await;
    a.expect_new_peer(&b).await;
    for text in [
        "",
        "nonsense",
        "{}",
        r#"{"Signal":{}}"#,
        r#"{"Signal":{"receiver":"not an id","data":1}}"#,
        r#"{"KeepAlive":"#,
        "\u{0}",
    ] {
        b.send(text).await;
    }
    let binary = Message::binary(b"\"KeepAlive\"".to_vec());
    b.socket.send(binary).await.unwrap();
    b.expect_nothing().await;

    let id = b.id;
    b.send("one too many").await;
    let (code, reason) = b.closed().await;
    assert_eq!(code, close_code::POLICY_VIOLATION);
    assert!(reason.contains("invalid"), "{reason}");
    a.expect_peer_left(id).await;
}

#[tokio::test]
async fn peer_left_does_not_wait_for_the_closing_handshake() {
    let config = Config {
        max_invalid_messages: 0,
        ..local_config()
    };
    let server = start(config).await;
    let mut a = Client::join(server.addr, "/room").await;
    let (id, mut stream) = join_and_stall(server.addr, &mut a).await;
    let start = Instant::now();
    // An empty text, which is invalid. The client does not answer the close frame.
    stream.write_all(&[0x81, 0x80, 1, 2, 3, 4]).await.unwrap();
    a.expect_peer_left(id).await;
    let took = start.elapsed();
    assert!(took < Duration::from_millis(900), "{took:?}");
}

#[tokio::test]
async fn incomplete_request_times_out() {
    let server = start(local_config()).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(b"GET /room HTTP/1.1\r\n").await.unwrap();
    // The server accepts connections in order, so it has accepted the first one after this.
    Client::join(server.addr, "/room").await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    let mut received = Vec::new();
    let read = timeout(TIMEOUT, stream.read_to_end(&mut received)).await;
    read.expect("the connection ends").unwrap();
}

/// The server could not notice that such a client sends nothing.
#[tokio::test]
async fn client_that_owes_the_body_of_its_request_cannot_join() {
    let server = start(local_config()).await;
    let mut member = Client::join(server.addr, "/room").await;
    for body in ["Content-Length: 10\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        let headers = format!(
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{body}"
        );
        let response = get_on(&mut stream, "/room", &headers).await;
        member.expect_nothing().await;
        assert_eq!(response.status, 400, "{body}");
    }
}

#[tokio::test]
async fn head_of_a_request_is_limited() {
    let server = start(local_config()).await;
    let header = |bytes| format!("X-Padding: {}\r\n", "x".repeat(bytes));
    // Pages of the same domain can have many cookies.
    assert_eq!(
        get(server.addr, "/health", &header(16_000)).await.status,
        200
    );
    assert_eq!(
        get(server.addr, "/health", &header(64_000)).await.status,
        431
    );
}

#[tokio::test]
async fn messages_over_the_rate_limit_are_delayed() {
    let config = Config {
        message_burst: 10,
        messages_per_second: 100,
        ..local_config()
    };
    let server = start(config).await;
    let mut client = Client::join(server.addr, "/room?huddle=1").await;
    let start = Instant::now();
    for _ in 0..50 {
        client.send("\"KeepAlive\"").await;
    }
    for _ in 0..50 {
        assert_eq!(
            next(&mut client.socket).await,
            Message::text("\"KeepAlive\"")
        );
    }
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(390), "{took:?}");
}

#[tokio::test]
async fn client_that_does_not_answer_pings_is_disconnected() {
    let config = Config {
        ping_interval: Duration::from_millis(50),
        silence_timeout: Duration::from_millis(300),
        ..local_config()
    };
    let server = start(config).await;
    let mut a = Client::join(server.addr, "/room").await;
    let start = Instant::now();
    let (dead, _stream) = join_and_stall(server.addr, &mut a).await;
    // The other client only reads, which answers pings.
    a.expect_peer_left(dead).await;
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(250), "{took:?}");
    a.expect_nothing().await;
}

#[tokio::test]
async fn pings_are_answered() {
    let server = start(local_config()).await;
    let mut socket = connect(server.addr, "/room").await.unwrap();
    next(&mut socket).await;
    socket.send(Message::Ping("hi".into())).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Pong("hi".into()));
}
