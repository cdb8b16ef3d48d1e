//! A client with extensions.

use std::net::SocketAddr;

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

use crate::{
    common::{Client, next},
    support::{LONG, join_again},
};

pub(crate) struct Player {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Player {
    /// Joins a room, given as path and query with `huddle=1`, and reads the first two messages.
    pub(crate) async fn join(addr: SocketAddr, room: &str) -> Self {
        let mut player = Self::of(join_again(addr, room).await);
        let session = player.message().await;
        let secret = session["Session"]["resume"].as_str().unwrap();
        secret.clone_into(&mut player.secret);
        player
    }

    /// Wraps a client that has received its id.
    pub(crate) fn of(client: Client) -> Self {
        Self {
            socket: client.socket,
            id: client.id.to_string(),
            secret: String::new(),
        }
    }

    pub(crate) async fn send(&mut self, message: Value) {
        let text = Message::text(message.to_string());
        self.socket.send(text).await.unwrap();
    }

    /// Returns the next text message.
    pub(crate) async fn message(&mut self) -> Value {
        loop {
            match next(&mut self.socket).await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("expected a message, got {other:?}"),
            }
        }
    }

    /// Waits for a message, and ignores all others.
    pub(crate) async fn expect(&mut self, expected: Value) {
        let found = async { while self.message().await != expected {} };
        let found = timeout(LONG, found).await;
        assert!(found.is_ok(), "there is no {expected}");
    }

    /// Reports links until the group is linked. Returns the id of the group.
    pub(crate) async fn link(&mut self, peer: &str) -> String {
        loop {
            let message = self.message().await;
            let group = &message["Group"];
            if let Some(id) = group["Linked"].as_str() {
                return id.to_owned();
            }
            if group.get("Full").is_some() {
                self.send(json!({ "Linked": [peer] })).await;
            }
        }
    }
}
