//! A member of a room that receives signaling messages and sends none.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::Context;
use tungstenite::{Message, connect};

/// A WebSocket connection to a room, and all messages that it has received.
pub struct Spy {
    received: Arc<Mutex<Vec<String>>>,
}

impl Spy {
    /// Joins a room.
    ///
    /// # Errors
    /// Returns an error if the server refuses the connection.
    pub fn join(room: &str) -> anyhow::Result<Self> {
        let (mut socket, _) = connect(room).with_context(|| format!("cannot join {room}"))?;
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        thread::spawn(move || {
            while let Ok(message) = socket.read() {
                if let Message::Text(text) = message {
                    log.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(text.to_string());
                }
            }
        });
        Ok(Self { received })
    }

    /// Returns the messages that it has received so far.
    pub fn received(&self) -> Vec<String> {
        self.received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
