//! One client cannot harm the others.

mod common;

use std::time::{Duration, Instant};

use common::{Client, PATIENCE, connect, local, next, start};
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

/// A member that upgraded and does nothing more: it neither reads nor answers.
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
        panic!("the stalled client joins as any other");
    };
    (id, stream)
}

/// Reads to the end of the connection, which must come soon, and finds the close frame there.
async fn assert_told(stream: &mut TcpStream, code: u16) {
    let mut received = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut received)).await;
    read.expect("the connection ends").unwrap();
    let told = received
        .windows(4)
        .any(|bytes| bytes[0] == 0x88 && bytes[2..] == code.to_be_bytes());
    assert!(told, "the connection ends with a close frame");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected_and_the_others_are_not() {
    let config = Config {
        max_queue_bytes: 256 * 1024,
        messages_per_second: 1_000_000,
        ..local()
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
    let told = async {
        let Some(Ok(Message::Text(text))) = stream.next().await else {
            panic!("the sender is not disconnected");
        };
        text.parse::<JsonPeerEvent>().unwrap()
    };
    let told = timeout(PATIENCE, async {
        tokio::select! {
            told = told => told,
            () = flood => unreachable!(),
        }
    });
    assert_eq!(told.await.unwrap(), JsonPeerEvent::PeerLeft(slow));
    b.expect_peer_left(slow).await;
    b.expect_nothing().await;
    assert_told(&mut stalled, close_code::POLICY_VIOLATION).await;
}

#[tokio::test]
async fn a_message_over_the_limit_closes_its_sender_only() {
    let server = start(local()).await;
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
async fn a_huge_message_is_not_even_read() {
    let server = start(local()).await;
    let mut a = Client::join(server.addr, "/room").await;
    let (id, mut stream) = join_and_stall(server.addr, &mut a).await;
    // The head of a frame of 1 MiB.
    let head = [0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4];
    stream.write_all(&head).await.unwrap();
    a.expect_peer_left(id).await;
    assert_told(&mut stream, close_code::MESSAGE_TOO_BIG).await;
}

#[tokio::test]
async fn some_invalid_messages_are_forgiven_and_many_are_not() {
    let config = Config {
        max_invalid_messages: 8,
        ..local()
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
async fn the_others_need_not_wait_until_a_client_takes_its_leave() {
    let config = Config {
        max_invalid_messages: 0,
        ..local()
    };
    let server = start(config).await;
    let mut a = Client::join(server.addr, "/room").await;
    let (id, mut stream) = join_and_stall(server.addr, &mut a).await;
    let start = Instant::now();
    // An empty text: invalid, and the close frame that follows is never answered.
    stream.write_all(&[0x81, 0x80, 1, 2, 3, 4]).await.unwrap();
    a.expect_peer_left(id).await;
    let took = start.elapsed();
    assert!(took < Duration::from_millis(900), "{took:?}");
}

#[tokio::test]
async fn a_request_that_never_ends_is_dropped() {
    let server = start(local()).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(b"GET /room HTTP/1.1\r\n").await.unwrap();
    // A later connection being served means that the earlier one was accepted.
    Client::join(server.addr, "/room").await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    let mut received = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut received)).await;
    read.expect("the connection ends").unwrap();
}

#[tokio::test]
async fn a_client_that_sends_too_fast_is_read_slower() {
    let config = Config {
        message_burst: 10,
        messages_per_second: 100,
        ..local()
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
async fn a_silent_client_is_gone_and_one_that_answers_pings_is_not() {
    let config = Config {
        ping_interval: Duration::from_millis(50),
        silence_timeout: Duration::from_millis(300),
        ..local()
    };
    let server = start(config).await;
    let mut a = Client::join(server.addr, "/room").await;
    let start = Instant::now();
    let (dead, _stream) = join_and_stall(server.addr, &mut a).await;
    // All that the other one does is to read, which answers pings.
    a.expect_peer_left(dead).await;
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(250), "{took:?}");
    a.expect_nothing().await;
}

#[tokio::test]
async fn pings_are_answered() {
    let server = start(local()).await;
    let mut socket = connect(server.addr, "/room").await.unwrap();
    next(&mut socket).await;
    socket.send(Message::Ping("hi".into())).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Pong("hi".into()));
}
