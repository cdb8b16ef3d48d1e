//! The shutdown of a server that disconnects its clients one after the other.

mod common;

use std::time::Duration;

use common::{Client, RunningServer, TIMEOUT, closed, connect, get, local_config, refused, start};
use huddle_signaling::{Config, close_code};
use tokio::time::{Instant, sleep, timeout};

async fn draining(duration: Duration) -> RunningServer {
    let config = Config {
        drain: duration,
        ..local_config()
    };
    start(config).await
}

#[tokio::test]
async fn clients_are_disconnected_one_after_the_other() {
    const CLIENTS: u32 = 20;
    const DRAIN: Duration = Duration::from_millis(2000);
    let server = draining(DRAIN).await;
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let extensions = if number % 2 == 0 { "?huddle=1" } else { "" };
        clients.push(Client::join(server.addr, &format!("/{number}{extensions}")).await);
    }
    server.stop.send(()).unwrap();
    let start = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|client| tokio::spawn(async move { (client.closed().await, start.elapsed()) }))
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        let ((code, reason), time) = task.await.unwrap();
        assert_eq!(code, close_code::SERVICE_RESTART);
        assert!(reason.contains("connect again"), "{reason}");
        times.push(time);
    }
    times.sort_unstable();
    // Slots of 100 ms. The tolerance is for slow machines.
    for (slot, &time) in (0..).zip(&times) {
        let earliest = (DRAIN / CLIENTS * slot).saturating_sub(Duration::from_millis(50));
        assert!(time >= earliest, "{slot}: {times:?}");
        assert!(
            time < earliest + Duration::from_millis(900),
            "{slot}: {times:?}"
        );
    }
    timeout(TIMEOUT, server.ended).await.unwrap().unwrap();
    assert!(start.elapsed() < DRAIN + Duration::from_secs(2));
}

#[tokio::test]
async fn draining_server_is_not_ready_and_refuses_clients() {
    let server = draining(Duration::from_secs(3600)).await;
    assert_eq!(get(server.addr, "/ready", "").await.status, 200);
    let _clients = [
        Client::join(server.addr, "/a").await,
        Client::join(server.addr, "/b").await,
        Client::join(server.addr, "/c").await,
    ];
    server.stop.send(()).unwrap();
    let not_ready = async {
        while get(server.addr, "/ready", "").await.status != 503 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(TIMEOUT, not_ready).await.unwrap();
    assert_eq!(get(server.addr, "/health", "").await.status, 200);

    let response = refused(server.addr, "/room").await;
    assert_eq!(response.status, 503);
    assert_eq!(response.header("retry-after"), Some("5"));
    assert!(response.text().contains("connect again"), "{response:?}");
    let mut socket = connect(server.addr, "/room?huddle=1").await.unwrap();
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, close_code::SERVICE_RESTART);
    assert!(reason.contains("connect again"), "{reason}");
    assert!(!server.ended.is_finished());
}

#[tokio::test]
async fn clients_meet_and_talk_until_they_are_disconnected() {
    let server = draining(Duration::from_secs(3600)).await;
    let mut a = Client::join(server.addr, "/room").await;
    let mut b = Client::join(server.addr, "/room").await;
    a.expect_new_peer(&b).await;
    server.stop.send(()).unwrap();
    a.signal(b.id, "late".into()).await;
    b.expect_signal(a.id, "late".into()).await;
}

#[tokio::test]
async fn server_ends_when_the_last_client_has_left() {
    let server = draining(Duration::from_secs(3600)).await;
    let client = Client::join(server.addr, "/room").await;
    server.stop.send(()).unwrap();
    client.leave().await;
    timeout(TIMEOUT, server.ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn without_a_drain_all_clients_are_disconnected_at_once() {
    let server = draining(Duration::ZERO).await;
    let client = Client::join(server.addr, "/room?huddle=1").await;
    server.stop.send(()).unwrap();
    assert_eq!(client.closed().await.0, close_code::GOING_AWAY);
    timeout(TIMEOUT, server.ended).await.unwrap().unwrap();
}
