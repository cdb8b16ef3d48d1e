//! The answers to plain HTTP requests, among them `/health`.

mod common;

use std::net::SocketAddr;

use common::{Client, TIMEOUT, get, local_config, start};
use huddle_signaling::Config;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

#[tokio::test]
async fn health_counts_rooms_and_clients() {
    let server = start(local_config()).await;
    let mut a = Client::join(server.addr, "/room").await;
    let b = Client::join(server.addr, "/room").await;
    let c = Client::join(server.addr, "/other?next=2").await;
    let response = get(server.addr, "/health", "").await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/json"));
    let mut health: Value = serde_json::from_slice(&response.body).unwrap();
    let uptime = health.as_object_mut().unwrap().remove("uptime_s").unwrap();
    assert!(uptime.as_u64().unwrap() < 60);
    let version = env!("CARGO_PKG_VERSION");
    let expected = json!({"status": "ok", "rooms": 2, "clients": 3, "version": version});
    assert_eq!(health, expected);

    a.expect_new_peer(&b).await;
    let b = b.leave().await;
    a.expect_peer_left(b).await;
    drop((a, c));
    // The server forgets dropped connections.
    let emptied = async {
        loop {
            let response = get(server.addr, "/health", "").await;
            let health: Value = serde_json::from_slice(&response.body).unwrap();
            if (&health["rooms"], &health["clients"]) == (&json!(0), &json!(0)) {
                break;
            }
        }
    };
    timeout(TIMEOUT, emptied).await.unwrap();
}

#[tokio::test]
async fn room_can_be_named_health() {
    let server = start(local_config()).await;
    let mut a = Client::join(server.addr, "/health").await;
    let b = Client::join(server.addr, "/health").await;
    a.expect_new_peer(&b).await;
}

#[tokio::test]
async fn server_without_files_explains_how_to_connect() {
    let server = start(local_config()).await;
    for path in ["/", "/room", "/game/room"] {
        let response = get(server.addr, path, "").await;
        assert_eq!(response.status, 426, "{path}");
        assert_eq!(response.header("upgrade"), Some("websocket"));
        assert!(response.text().contains("ws://HOST/ROOM"));
        assert!(response.text().contains("--serve DIR"));
    }
    let response = get(server.addr, "/a/b/c", "").await;
    assert_eq!(response.status, 404);
    assert!(response.text().contains("ws://HOST/ROOM"));
}

#[tokio::test]
async fn invalid_upgrade_is_refused() {
    let server = start(local_config()).await;
    let mut member = Client::join(server.addr, "/room").await;
    let headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n";
    let response = get(server.addr, "/room", headers).await;
    assert_eq!(response.status, 400);
    member.expect_nothing().await;
}

/// Sends bytes, and returns the first line of the answer.
async fn first_line(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    let line = timeout(TIMEOUT, lines.next_line()).await.unwrap();
    line.unwrap().unwrap_or_default()
}

#[tokio::test]
async fn other_methods_are_answered_and_join_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for serve in [None, Some(dir.path().to_owned())] {
        let server = start(Config {
            serve,
            ..local_config()
        })
        .await;
        let mut member = Client::join(server.addr, "/room").await;
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        for headers in ["", upgrade] {
            for line in [
                "HEAD /room HTTP/1.1",
                "OPTIONS * HTTP/1.1",
                "OPTIONS /room HTTP/1.1",
                "CONNECT room:80 HTTP/1.1",
                "POST /room HTTP/1.1",
                "BREW /room HTTP/1.1",
                "GET /room HTTP/1.0",
                "GET room HTTP/1.1",
                "PRI * HTTP/2.0",
            ] {
                let request = format!("{line}\r\nHost: x\r\nHost: y\r\n{headers}\r\n");
                let answer = first_line(server.addr, &request).await;
                let status = answer.split(' ').nth(1).unwrap_or("none");
                let is_refused = status.starts_with('4') || status == "none";
                assert!(is_refused, "{line} {headers}: {answer}");
                member.expect_nothing().await;
            }
        }
        let health = "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_eq!(first_line(server.addr, health).await, "HTTP/1.1 200 OK");
    }
}
