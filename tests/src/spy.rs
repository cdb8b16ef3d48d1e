//! A member of a room who only reads what others tell it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::Context;
use tungstenite::{Message, connect};

/// A WebSocket in a room, and all it has received.
pub struct Spy {
    heard: Arc<Mutex<Vec<String>>>,
}

impl Spy {
    /// Joins a room.
    ///
    /// # Errors
    /// If the server does not let it in.
    pub fn join(room: &str) -> anyhow::Result<Self> {
        let (mut socket, _) = connect(room).with_context(|| format!("cannot join {room}"))?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&heard);
        thread::spawn(move || {
            while let Ok(message) = socket.read() {
                if let Message::Text(text) = message {
                    into.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(text.to_string());
                }
            }
        });
        Ok(Self { heard })
    }

    /// What it has heard so far.
    pub fn heard(&self) -> Vec<String> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
