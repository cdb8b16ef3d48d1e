//! The answers to plain HTTP requests, among them `/health`.

mod common;

use common::{Client, TIMEOUT, get, local_config, start};
use serde_json::{Value, json};
use tokio::time::timeout;

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
