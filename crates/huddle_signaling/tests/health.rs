//! What `/health` and other plain requests answer.

mod common;

use common::{Client, PATIENCE, get, local, start};
use serde_json::{Value, json};
use tokio::time::timeout;

#[tokio::test]
async fn health_counts_rooms_and_clients() {
    let server = start(local()).await;
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
    // Dropped connections leave no trace.
    let emptied = async {
        loop {
            let response = get(server.addr, "/health", "").await;
            let health: Value = serde_json::from_slice(&response.body).unwrap();
            if (&health["rooms"], &health["clients"]) == (&json!(0), &json!(0)) {
                break;
            }
        }
    };
    timeout(PATIENCE, emptied).await.unwrap();
}

#[tokio::test]
async fn a_room_may_be_called_health() {
    let server = start(local()).await;
    let mut a = Client::join(server.addr, "/health").await;
    let b = Client::join(server.addr, "/health").await;
    a.expect_new_peer(&b).await;
}

#[tokio::test]
async fn a_page_load_without_files_explains_what_this_is() {
    let server = start(local()).await;
    for path in ["/", "/room"] {
        let response = get(server.addr, path, "").await;
        assert_eq!(response.status, 426, "{path}");
        assert_eq!(response.header("upgrade"), Some("websocket"));
        assert!(response.text().contains("ws://HOST/ROOM"));
        assert!(response.text().contains("--serve DIR"));
    }
    let response = get(server.addr, "/a/b", "").await;
    assert_eq!(response.status, 404);
    assert!(response.text().contains("ws://HOST/ROOM"));
}

#[tokio::test]
async fn a_broken_upgrade_is_refused_and_nobody_joins() {
    let server = start(local()).await;
    let mut member = Client::join(server.addr, "/room").await;
    let headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n";
    let response = get(server.addr, "/room", headers).await;
    assert_eq!(response.status, 400);
    member.expect_nothing().await;
}
