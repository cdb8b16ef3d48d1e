//! Several instances that share their rooms through Redis.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;
mod drain;
mod failures;
mod lists;
mod meeting;
mod player;
mod program;
mod security;

use std::{
    net::SocketAddr,
    process::Stdio,
    time::{Duration, Instant},
};

use common::{
    Client, RunningServer, connect, get, listening, local_config,
    redis::{Redis, free_port},
};
use futures_util::StreamExt;
use huddle_signaling::{Cluster, Config, Secret};
use matchbox_protocol::JsonPeerEvent;
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, protocol::CloseFrame},
};

/// The time in which the clients of a failed instance must meet again.
const RECOVERY: Duration = Duration::from_secs(10);

/// Longer than any operation, on a busy machine.
const LONG: Duration = Duration::from_secs(40);

/// Returns the configuration of an instance that reaches Redis at this URL.
fn config(redis: &str) -> Config {
    Config {
        cluster: Some(cluster(redis)),
        resume_timeout: Duration::from_secs(10),
        ..local_config()
    }
}

fn cluster(redis: &str) -> Cluster {
    Cluster {
        bind: ([127, 0, 0, 1], 0).into(),
        ..Cluster::new(Secret::new(redis))
    }
}

/// Starts an instance in this process.
async fn start(redis: &str) -> RunningServer {
    common::start(config(redis)).await
}

/// An instance in a process of its own. Dropping it kills the process.
struct Instance {
    process: Child,
    addr: SocketAddr,
}

impl Instance {
    async fn start(redis: &Redis, args: &[&str]) -> Self {
        let bind = format!("127.0.0.1:{}", free_port());
        let mut process = Command::new(env!("CARGO_BIN_EXE_huddle-signaling"))
            .args(["--bind", "127.0.0.1:0", "--cluster-bind", &bind])
            .args(["--redis", &redis.url()])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let addr = listening(&mut process).await;
        Self { process, addr }
    }

    async fn signal(&self, name: &str) {
        let id = self.process.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.await.unwrap().success());
    }
}

/// Joins a room, and tries again when the server refuses, like a client does.
async fn join_again(addr: SocketAddr, room: &str) -> Client {
    let start = Instant::now();
    let url = format!("ws://{addr}{room}");
    loop {
        match timeout(LONG, connect_async(&url)).await.unwrap() {
            Ok((mut socket, _)) => {
                // A refusal of a client with extensions is a close frame.
                let first = timeout(LONG, socket.next()).await.unwrap();
                if let Some(Ok(Message::Text(text))) = first {
                    let JsonPeerEvent::IdAssigned(id) = text.parse().unwrap() else {
                        panic!("the first event must be IdAssigned, not {text}");
                    };
                    return Client { id, socket };
                }
            }
            Err(error) => assert!(start.elapsed() < LONG, "refused for too long: {error}"),
        }
        assert!(start.elapsed() < LONG, "refused for too long");
        sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until a client loses its connection.
async fn lost(mut client: Client) {
    let end = async { while let Some(Ok(_)) = client.socket.next().await {} };
    timeout(LONG, end).await.expect("the connection is lost");
}

/// Returns the code and reason with which the server closes a connection at some time.
async fn closed_later(mut client: Client) -> (u16, String) {
    let closed = async {
        loop {
            match client.socket.next().await {
                Some(Ok(Message::Close(Some(CloseFrame { code, reason })))) => {
                    return (code.into(), reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("expected a close frame, got {other:?}"),
            }
        }
    };
    timeout(LONG, closed)
        .await
        .expect("the server closes the connection")
}

/// Returns the number of rooms and clients of an instance.
async fn count(addr: SocketAddr) -> (u64, u64) {
    let response = get(addr, "/health", "").await;
    let health: Value = serde_json::from_slice(&response.body).unwrap();
    let number = |name: &str| health[name].as_u64().unwrap();
    (number("rooms"), number("clients"))
}

/// Waits until an instance has this many rooms and clients.
async fn expect_count(addr: SocketAddr, expected: (u64, u64)) {
    let start = Instant::now();
    loop {
        let counted = count(addr).await;
        if counted == expected {
            return;
        }
        assert!(
            start.elapsed() < LONG,
            "expected {expected:?}, got {counted:?}"
        );
        sleep(Duration::from_millis(50)).await;
    }
}
