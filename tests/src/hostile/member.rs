//! A hostile member of a room that sends arbitrary signaling messages.

use std::{
    collections::BTreeMap,
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tungstenite::{Error, Message, WebSocket, connect, stream::MaybeTlsStream};

const READ_TIMEOUT: Duration = Duration::from_millis(20);

/// A WebSocket connection to a room, and the offers that it has received.
pub struct HostileMember {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    id: String,
    offers: BTreeMap<String, String>,
    newcomers: Vec<String>,
    is_flushed: bool,
}

impl HostileMember {
    /// Joins a room.
    ///
    /// # Errors
    /// Returns an error if the server refuses the connection.
    pub fn join(room: &str) -> anyhow::Result<Self> {
        let (socket, _) = connect(room).with_context(|| format!("cannot join {room}"))?;
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(READ_TIMEOUT))?;
        }
        let mut member = Self {
            socket,
            id: String::new(),
            offers: BTreeMap::new(),
            newcomers: Vec::new(),
            is_flushed: false,
        };
        member.read_until("an id", |member| !member.id.is_empty())?;
        Ok(member)
    }

    /// Returns its signaling id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Waits for the offers of `count` members. Returns the offers by signaling id.
    ///
    /// # Errors
    /// Returns an error if they do not arrive in time.
    pub fn wait_offers(&mut self, count: usize) -> anyhow::Result<BTreeMap<String, String>> {
        self.read_until("offers", |member| member.offers.len() >= count)?;
        Ok(self.offers.clone())
    }

    /// Waits until a member joins, and returns its signaling id.
    ///
    /// # Errors
    /// Returns an error if no member joins in time.
    pub fn wait_newcomer(&mut self) -> anyhow::Result<String> {
        self.read_until("a newcomer", |member| !member.newcomers.is_empty())?;
        self.newcomers.pop().context("no member has joined")
    }

    /// Waits until the server has handled all sent messages, and leaves.
    ///
    /// # Errors
    /// Returns an error if the server has closed the connection.
    pub fn flush_and_leave(mut self) -> anyhow::Result<()> {
        // The server handles messages in order, so its answer to the ping follows all others.
        self.socket.send(Message::Ping(Default::default()))?;
        self.read_until("the server", |member| member.is_flushed)?;
        self.socket.close(None)?;
        Ok(())
    }

    /// Sends a signal. The server relays `data` without checking it.
    ///
    /// # Errors
    /// Returns an error if the server has closed the connection.
    pub fn signal(&mut self, receiver: &str, data: &Value) -> anyhow::Result<()> {
        self.send_text(&json!({ "Signal": { "receiver": receiver, "data": data } }).to_string())
    }

    /// Sends a text to the server.
    ///
    /// # Errors
    /// Returns an error if the server has closed the connection.
    pub fn send_text(&mut self, text: &str) -> anyhow::Result<()> {
        self.socket
            .send(Message::text(text))
            .context("the server has closed the connection")
    }

    fn read_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let began = Instant::now();
        while !done(self) {
            if began.elapsed() > Duration::from_secs(20) {
                bail!(
                    "the hostile member waits for {what} and has received {:?}",
                    self.offers
                );
            }
            match self.socket.read() {
                Ok(Message::Text(text)) => self.handle(&serde_json::from_str(&text)?),
                Ok(message) => self.is_flushed |= message.is_pong(),
                Err(Error::Io(error))
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn handle(&mut self, event: &Value) {
        if let Some(id) = event["IdAssigned"].as_str() {
            self.id = id.to_owned();
        }
        if let Some(id) = event["NewPeer"].as_str() {
            self.newcomers.push(id.to_owned());
        }
        let signal = &event["Signal"];
        if let (Some(sender), Some(offer)) =
            (signal["sender"].as_str(), signal["data"]["Offer"].as_str())
        {
            self.offers.insert(sender.to_owned(), offer.to_owned());
        }
    }
}
