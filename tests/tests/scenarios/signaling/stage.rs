//! Clients of a signaling server, and what they hear.
//!
//! Nothing here waits for a time to pass: a message to oneself comes back after whatever the server had to say before.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tungstenite::{Error, Message, WebSocket, client};

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(10);
/// Texts longer than that are told by their length.
const SHOWN: usize = 200;

/// A server's clients, by the order of joining, and what they have heard.
pub(crate) struct Stage {
    address: SocketAddr,
    /// Before each room's name, so that each stage has rooms of its own.
    prefix: String,
    clients: Vec<Client>,
    names: BTreeMap<String, usize>,
    heard: Vec<String>,
    markers: u64,
}

struct Client {
    id: String,
    /// `None` once the connection is over.
    socket: Option<WebSocket<TcpStream>>,
}

impl Stage {
    pub(crate) fn new(address: SocketAddr, prefix: &str) -> Self {
        Self {
            address,
            prefix: prefix.into(),
            clients: Vec::new(),
            names: BTreeMap::new(),
            heard: Vec::new(),
            markers: 0,
        }
    }

    /// What everybody has heard, in order; ids are the numbers of the clients.
    pub(crate) fn heard(self) -> Vec<String> {
        self.heard
    }

    fn log(&mut self, what: String) {
        let short = if what.len() > SHOWN {
            format!("{}... ({} bytes)", &what[..40], what.len())
        } else {
            what
        };
        self.heard.push(short);
    }

    /// Joins a room, given as name and query.
    pub(crate) fn join(&mut self, room: &str) -> anyhow::Result<()> {
        self.join_at(&format!("/{}{room}", self.prefix))
    }

    /// Joins a room, given as path and query.
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
        let first = socket.read().context("nothing is heard first")?;
        let event: Value = serde_json::from_str(first.to_text()?)?;
        let Some(id) = event["IdAssigned"].as_str() else {
            bail!("{number} hears {event} first");
        };
        if id.len() != 36 || self.names.insert(id.into(), number).is_some() {
            bail!("{id:?} is no new id");
        }
        self.clients.push(Client {
            id: id.into(),
            socket: Some(socket),
        });
        self.settle()
    }

    /// One client signals to another.
    pub(crate) fn signal(&mut self, from: usize, to: usize, data: Value) -> anyhow::Result<()> {
        let receiver = self.clients[to].id.clone();
        let request = json!({"Signal": {"receiver": receiver, "data": data}});
        self.say(from, Message::text(request.to_string()))
    }

    /// A client says anything.
    pub(crate) fn say(&mut self, from: usize, message: Message) -> anyhow::Result<()> {
        let Some(socket) = &mut self.clients[from].socket else {
            bail!("{from} is not connected");
        };
        // The server may close in the middle, which is heard after it.
        let _ = socket.send(message);
        // Once it hears of itself, the server is through with what it said before.
        self.hear(from)?;
        self.settle()
    }

    /// A client closes its connection, and waits until the server has done so, too.
    pub(crate) fn close(&mut self, who: usize) -> anyhow::Result<()> {
        let Some(mut socket) = self.clients[who].socket.take() else {
            bail!("{who} is not connected");
        };
        socket.close(None)?;
        while let Ok(message) = socket.read() {
            if message.is_close() {
                self.log(format!("{who} hears its goodbye answered"));
            }
        }
        drain(socket.get_mut());
        self.settle()
    }

    /// A client's connection breaks without a goodbye.
    pub(crate) fn break_off(&mut self, who: usize) -> anyhow::Result<()> {
        let Some(mut socket) = self.clients[who].socket.take() else {
            bail!("{who} is not connected");
        };
        socket.get_mut().shutdown(Shutdown::Write)?;
        drain(socket.get_mut());
        self.settle()
    }

    /// A plain request, without a WebSocket.
    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<()> {
        let mut stream = connect(self.address)?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).unwrap_or("nothing");
        self.log(format!("{path} answers {status}"));
        Ok(())
    }

    /// Lets everybody hear what there is, the newest first: only then the server is through with its joining.
    fn settle(&mut self) -> anyhow::Result<()> {
        for who in (0..self.clients.len()).rev() {
            self.hear(who)?;
        }
        Ok(())
    }

    fn hear(&mut self, who: usize) -> anyhow::Result<()> {
        let Some(mut socket) = self.clients[who].socket.take() else {
            return Ok(());
        };
        self.markers += 1;
        let (me, data) = (&self.clients[who].id, json!({"marker": self.markers}));
        let request = json!({"Signal": {"receiver": me, "data": data}});
        let expected = json!({"Signal": {"sender": me, "data": data}});
        let _ = socket.send(Message::text(request.to_string()));
        loop {
            let what = match socket.read() {
                Ok(Message::Text(text)) => {
                    let event: Value = serde_json::from_str(&text)?;
                    if event == expected {
                        break;
                    }
                    self.told(&event)
                }
                Ok(Message::Close(frame)) => {
                    let code = frame.map_or(1005, |frame| frame.code.into());
                    self.log(format!("{who} is disconnected: {code}"));
                    return Ok(());
                }
                Ok(message) => format!("{message:?}"),
                Err(Error::Io(error)) if would_block(&error) => bail!("{who} hears nothing"),
                Err(_) => {
                    self.log(format!("{who} is disconnected"));
                    return Ok(());
                }
            };
            self.log(format!("{who} hears {what}"));
        }
        self.clients[who].socket = Some(socket);
        Ok(())
    }

    /// An event as it is written in the table.
    fn told(&self, event: &Value) -> String {
        let number = |id: &Value| {
            let known = id.as_str().and_then(|id| self.names.get(id));
            known.map_or_else(|| id.to_string(), usize::to_string)
        };
        for kind in ["NewPeer", "PeerLeft"] {
            if let Some(id) = event.get(kind) {
                return format!("{kind} {}", number(id));
            }
        }
        if let Some(members) = event.get("Members").and_then(Value::as_array) {
            let numbers: Vec<_> = members.iter().map(number).collect();
            return format!("Members {}", numbers.join(" "));
        }
        match event.get("Signal") {
            Some(signal) => format!("{} from {}", signal["data"], number(&signal["sender"])),
            None => event.to_string(),
        }
    }
}

fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads until the server has closed, by when it has told the others.
fn drain(stream: &mut TcpStream) {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).is_ok_and(|read| read > 0) {}
}

fn would_block(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut)
}
