//! Clients with extensions that read the settings of their room, and the list of rooms.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::SinkExt;
use matchbox_protocol::{JsonPeerEvent, PeerId};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use super::{TIMEOUT, connect, get, next_of_all, sources::Socket};

/// A client with extensions.
pub(crate) struct Member {
    pub(crate) id: PeerId,
    pub(crate) socket: Socket,
}

impl Member {
    /// Joins a room, given as path and query.
    pub(crate) async fn join(addr: SocketAddr, room: &str) -> Self {
        let joint = if room.contains('?') { '&' } else { '?' };
        let url = format!("{room}{joint}huddle=1");
        let mut socket = connect(addr, &url).await.unwrap();
        let first = next_of_all(&mut socket).await;
        let JsonPeerEvent::IdAssigned(id) = first.to_text().unwrap().parse().unwrap() else {
            panic!("the first event must be IdAssigned, not {first}");
        };
        Self { id, socket }
    }

    pub(crate) async fn send(&mut self, message: Value) {
        let message = Message::text(message.to_string());
        self.socket.send(message).await.unwrap();
    }

    /// Requests a change of the settings.
    pub(crate) async fn change(&mut self, settings: Value) {
        self.send(json!({ "Room": settings })).await;
    }

    /// Returns the value of the next message of this kind, and ignores all others.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        loop {
            let message = next_of_all(&mut self.socket).await;
            let text = message.to_text().unwrap_or_default();
            let Ok(value) = serde_json::from_str::<Value>(text) else {
                continue;
            };
            if let Some(value) = value.get(kind) {
                return value.clone();
            }
        }
    }

    /// Returns the next settings.
    pub(crate) async fn room(&mut self) -> Value {
        self.next("Room").await
    }

    /// Ignores all messages before the answer to a keep-alive.
    pub(crate) async fn expect_keep_alive(&mut self) {
        self.send(json!("KeepAlive")).await;
        while next_of_all(&mut self.socket).await != Message::text("\"KeepAlive\"") {}
    }

    /// Checks that the server has sent no settings.
    pub(crate) async fn expect_no_room(&mut self) {
        self.send(json!("KeepAlive")).await;
        loop {
            let message = next_of_all(&mut self.socket).await;
            let text = message.to_text().unwrap();
            assert!(!text.contains("Room"), "{text}");
            if text == "\"KeepAlive\"" {
                return;
            }
        }
    }
}

pub(crate) async fn list(addr: SocketAddr, query: &str) -> Value {
    let response = get(addr, &format!("/rooms{query}"), "").await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.header("content-type"), Some("application/json"));
    serde_json::from_slice(&response.body).unwrap()
}

/// Waits until the list is the expected one.
pub(crate) async fn expect_list(addr: SocketAddr, query: &str, expected: Value) {
    let started = Instant::now();
    loop {
        let found = list(addr, query).await;
        if found == expected {
            return;
        }
        assert!(started.elapsed() < TIMEOUT, "{found} is not {expected}");
        sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn listing(name: &str, players: usize, capacity: usize, metadata: &str) -> Value {
    json!({"name": name, "players": players, "capacity": capacity, "metadata": metadata})
}

pub(crate) fn all(rooms: &[Value]) -> Value {
    json!({"rooms": rooms, "next": null})
}
