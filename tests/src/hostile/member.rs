//! A member of a room who says whatever it likes over signaling.

use std::{
    collections::BTreeMap,
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tungstenite::{Error, Message, WebSocket, connect, stream::MaybeTlsStream};

const PATIENCE: Duration = Duration::from_millis(20);

/// A WebSocket in a room, and what it has been offered.
pub struct HostileMember {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    id: String,
    offers: BTreeMap<String, String>,
    newcomers: Vec<String>,
    answered: bool,
}

impl HostileMember {
    /// Joins a room.
    ///
    /// # Errors
    /// If the server does not let it in.
    pub fn join(room: &str) -> anyhow::Result<Self> {
        let (socket, _) = connect(room).with_context(|| format!("cannot join {room}"))?;
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(PATIENCE))?;
        }
        let mut member = Self {
            socket,
            id: String::new(),
            offers: BTreeMap::new(),
            newcomers: Vec::new(),
            answered: false,
        };
        member.listen_until("an id", |member| !member.id.is_empty())?;
        Ok(member)
    }

    /// The signaling id under which others name it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Waits until so many others have made it an offer; returns their signaling ids and offers.
    ///
    /// # Errors
    /// If they do not.
    pub fn wait_offers(&mut self, count: usize) -> anyhow::Result<BTreeMap<String, String>> {
        self.listen_until("offers", |member| member.offers.len() >= count)?;
        Ok(self.offers.clone())
    }

    /// Waits until somebody joins; returns their signaling id.
    ///
    /// # Errors
    /// If nobody does.
    pub fn wait_newcomer(&mut self) -> anyhow::Result<String> {
        self.listen_until("a newcomer", |member| !member.newcomers.is_empty())?;
        self.newcomers.pop().context("nobody has joined")
    }

    /// Stays until the server has taken all that was sent.
    ///
    /// # Errors
    /// If the server has closed the connection.
    pub fn settle(mut self) -> anyhow::Result<()> {
        // The server answers in order.
        self.socket.send(Message::Ping(Default::default()))?;
        self.listen_until("the server", |member| member.answered)?;
        self.socket.close(None)?;
        Ok(())
    }

    /// Sends a signal; the server relays `data` without a look.
    ///
    /// # Errors
    /// If the server has closed the connection.
    pub fn signal(&mut self, receiver: &str, data: &Value) -> anyhow::Result<()> {
        self.say(&json!({ "Signal": { "receiver": receiver, "data": data } }).to_string())
    }

    /// Sends a text to the server itself.
    ///
    /// # Errors
    /// If the server has closed the connection.
    pub fn say(&mut self, text: &str) -> anyhow::Result<()> {
        self.socket
            .send(Message::text(text))
            .context("the server has closed the connection")
    }

    fn listen_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let began = Instant::now();
        while !done(self) {
            if began.elapsed() > Duration::from_secs(20) {
                bail!(
                    "the hostile member waits for {what}, and has {:?}",
                    self.offers
                );
            }
            match self.socket.read() {
                Ok(Message::Text(text)) => self.hear(&serde_json::from_str(&text)?),
                Ok(message) => self.answered |= message.is_pong(),
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

    fn hear(&mut self, event: &Value) {
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
