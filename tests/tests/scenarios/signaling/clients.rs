//! Clients of a signaling server, and the messages that they receive.
//!
//! The clients need no timeouts. Each sends a signal to itself, which arrives after all earlier
//! messages of the server.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tungstenite::{Error, Message, WebSocket, client};

/// Longer than any successful operation.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum length of a logged text. A longer one is truncated, and its length is added.
const MAX_LOGGED: usize = 200;

/// The clients of a server in the order of joining, and the messages that they have received.
pub(crate) struct ClientGroup {
    address: SocketAddr,
    /// The prefix of room names. It separates the rooms of different groups.
    prefix: String,
    clients: Vec<Client>,
    names: BTreeMap<String, usize>,
    received: Vec<String>,
    markers: u64,
}

struct Client {
    id: String,
    /// `None` after the connection has ended.
    socket: Option<WebSocket<TcpStream>>,
}

impl ClientGroup {
    pub(crate) fn new(address: SocketAddr, prefix: &str) -> Self {
        Self {
            address,
            prefix: prefix.into(),
            clients: Vec::new(),
            names: BTreeMap::new(),
            received: Vec::new(),
            markers: 0,
        }
    }

    /// Returns the messages of all clients in order. Ids are replaced with the numbers of the
    /// clients.
    pub(crate) fn received(self) -> Vec<String> {
        self.received
    }

    fn log(&mut self, what: String) {
        let short = if what.len() > MAX_LOGGED {
            format!("{}... ({} bytes)", &what[..40], what.len())
        } else {
            what
        };
        self.received.push(short);
    }

    /// Joins a room, which is given as name and query.
    pub(crate) fn join(&mut self, room: &str) -> anyhow::Result<()> {
        self.join_at(&format!("/{}{room}", self.prefix))
    }

    /// Joins a room, which is given as path and query.
    pub(crate) fn join_at(&mut self, path: &str) -> anyhow::Result<()> {
        let stream = connect(self.address)?;
        let number = self.clients.len();
        let mut socket = match client(format!("ws://{}{path}", self.address), stream) {
            Ok((socket, _)) => socket,
            Err(tungstenite::HandshakeError::Failure(Error::Http(response))) => {
                self.log(format!("{number} is refused: {}", response.status()));
                return Ok(());
            }
            Err(error) => bail!("{number} cannot connect: {error}"),
        };
        let first = socket
            .read()
            .context("the server did not send a first message")?;
        let event: Value = serde_json::from_str(first.to_text()?)?;
        let Some(id) = event["IdAssigned"].as_str() else {
            bail!("{number} first receives {event}");
        };
        if id.len() != 36 || self.names.insert(id.into(), number).is_some() {
            bail!("{id:?} is not a new id");
        }
        self.clients.push(Client {
            id: id.into(),
            socket: Some(socket),
        });
        self.read_all()
    }

    /// Sends a signal from one client to another.
    pub(crate) fn signal(&mut self, from: usize, to: usize, data: Value) -> anyhow::Result<()> {
        let receiver = self.clients[to].id.clone();
        let request = json!({"Signal": {"receiver": receiver, "data": data}});
        self.send(from, Message::text(request.to_string()))
    }

    /// Sends any message from a client to the server.
    pub(crate) fn send(&mut self, from: usize, message: Message) -> anyhow::Result<()> {
        let Some(socket) = &mut self.clients[from].socket else {
            bail!("{from} is not connected");
        };
        // The server may close the connection, which `read` logs.
        let _ = socket.send(message);
        // When the client's signal to itself arrives, the server has handled its earlier messages.
        self.read(from)?;
        self.read_all()
    }

    /// Closes a client's connection, and waits until the server has closed it as well.
    pub(crate) fn close(&mut self, number: usize) -> anyhow::Result<()> {
        let Some(mut socket) = self.clients[number].socket.take() else {
            bail!("{number} is not connected");
        };
        socket.close(None)?;
        while let Ok(message) = socket.read() {
            if message.is_close() {
                self.log(format!("{number} receives a close frame"));
            }
        }
        drain(socket.get_mut());
        self.read_all()
    }

    /// Drops a client's connection without a close frame.
    pub(crate) fn drop_connection(&mut self, number: usize) -> anyhow::Result<()> {
        let Some(mut socket) = self.clients[number].socket.take() else {
            bail!("{number} is not connected");
        };
        socket.get_mut().shutdown(Shutdown::Write)?;
        drain(socket.get_mut());
        self.read_all()
    }

    /// Sends an HTTP request without a WebSocket.
    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<()> {
        let mut stream = connect(self.address)?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).unwrap_or("without a status");
        self.log(format!("{path} answers {status}"));
        Ok(())
    }

    /// Reads all messages of all clients. The newest client is first, so that the server has
    /// handled its joining.
    fn read_all(&mut self) -> anyhow::Result<()> {
        for number in (0..self.clients.len()).rev() {
            self.read(number)?;
        }
        Ok(())
    }

    fn read(&mut self, number: usize) -> anyhow::Result<()> {
        let Some(mut socket) = self.clients[number].socket.take() else {
            return Ok(());
        };
        self.markers += 1;
        let (id, data) = (&self.clients[number].id, json!({"marker": self.markers}));
        let request = json!({"Signal": {"receiver": id, "data": data}});
        let expected = json!({"Signal": {"sender": id, "data": data}});
        let _ = socket.send(Message::text(request.to_string()));
        loop {
            let what = match socket.read() {
                Ok(Message::Text(text)) => {
                    let event: Value = serde_json::from_str(&text)?;
                    if event == expected {
                        break;
                    }
                    self.describe(&event)
                }
                Ok(Message::Close(frame)) => {
                    let code = frame.map_or(1005, |frame| frame.code.into());
                    self.log(format!("{number} is disconnected: {code}"));
                    return Ok(());
                }
                Ok(message) => format!("{message:?}"),
                Err(Error::Io(error)) if would_block(&error) => bail!("{number} receives nothing"),
                Err(_) => {
                    self.log(format!("{number} is disconnected"));
                    return Ok(());
                }
            };
            self.log(format!("{number} receives {what}"));
        }
        self.clients[number].socket = Some(socket);
        Ok(())
    }

    /// Returns an event in the notation of the table.
    fn describe(&self, event: &Value) -> String {
        let client = |id: &Value| {
            let known = id.as_str().and_then(|id| self.names.get(id));
            known.map_or_else(|| id.to_string(), usize::to_string)
        };
        for kind in ["NewPeer", "PeerLeft"] {
            if let Some(id) = event.get(kind) {
                return format!("{kind} {}", client(id));
            }
        }
        if let Some(members) = event.get("Members").and_then(Value::as_array) {
            let numbers: Vec<_> = members.iter().map(client).collect();
            return format!("Members {}", numbers.join(" "));
        }
        // The secret is random.
        if let Some(session) = event.get("Session") {
            let has_secret = session["resume"].as_str().is_some_and(|s| s.len() == 32);
            return format!("Session {} ms, secret: {has_secret}", session["timeout_ms"]);
        }
        if let Some(room) = event.get("Room") {
            let (open, capacity) = (&room["open"], &room["capacity"]);
            let keeper = client(&room["keeper"]);
            return format!("Room of {keeper}, open: {open}, capacity: {capacity}");
        }
        match event.get("Signal") {
            Some(signal) => format!("{} from {}", signal["data"], client(&signal["sender"])),
            None => event.to_string(),
        }
    }
}

fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads until the server closes the connection. It has notified the other members before.
fn drain(stream: &mut TcpStream) {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).is_ok_and(|read| read > 0) {}
}

fn would_block(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut)
}
