//! A hostile signaling server.

use std::{
    io::{ErrorKind, Read},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context;
use serde_json::json;
use tungstenite::{Message, WebSocket, accept};

const POLL: Duration = Duration::from_millis(20);

/// The attack of a hostile server on every client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerAttack {
    /// Sends texts that are not JSON, or not of the matchbox protocol.
    Garbage,
    /// Sends binary messages.
    Bytes,
    /// Assigns one id after another.
    SecondId,
    /// Announces members before it assigns an id.
    NoId,
    /// Announces the same member repeatedly.
    Announcements,
    /// Relays malformed signals of members that were not announced.
    UnknownMembers,
    /// Sends small valid messages as fast as possible.
    Flood,
    /// Sends messages just below the maximum length as fast as possible.
    LongFlood,
    /// Sends a message of several megabytes.
    TooLong,
    /// Closes the WebSocket, but keeps the TCP connection open.
    SlowClose,
    /// Accepts the TCP connection and sends nothing, not even a WebSocket handshake.
    Silent,
}

impl ServerAttack {
    /// All attacks.
    pub const ALL: [Self; 11] = [
        Self::Garbage,
        Self::Bytes,
        Self::SecondId,
        Self::NoId,
        Self::Announcements,
        Self::Flood,
        Self::LongFlood,
        Self::TooLong,
        Self::SlowClose,
        Self::Silent,
        Self::UnknownMembers,
    ];
}

/// A server that attacks every client until it is dropped.
pub struct HostileServer {
    address: SocketAddr,
    is_stopping: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    connections: Arc<AtomicU64>,
    listener_thread: Option<JoinHandle<()>>,
}

impl HostileServer {
    /// Starts listening on an address.
    ///
    /// # Errors
    /// Returns an error if the address is in use.
    pub fn start(address: SocketAddr, attack: ServerAttack) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind(address).with_context(|| format!("cannot listen at {address}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let is_stopping = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU64::new(0));
        let connections = Arc::new(AtomicU64::new(0));
        let listener_thread = thread::spawn({
            let (is_stopping, sent) = (Arc::clone(&is_stopping), Arc::clone(&sent));
            let connections = Arc::clone(&connections);
            move || {
                let mut clients = Vec::new();
                while !is_stopping.load(Ordering::Relaxed) {
                    let Ok((stream, _)) = listener.accept() else {
                        thread::sleep(POLL);
                        continue;
                    };
                    connections.fetch_add(1, Ordering::Relaxed);
                    let client = Client {
                        is_stopping: Arc::clone(&is_stopping),
                        sent: Arc::clone(&sent),
                    };
                    clients.push(thread::spawn(move || client.serve(stream, attack)));
                }
                drop(listener);
                for client in clients {
                    // A thread returns an error if its client has disconnected.
                    let _ = client.join();
                }
            }
        });
        Ok(Self {
            address,
            is_stopping,
            sent,
            connections,
            listener_thread: Some(listener_thread),
        })
    }

    /// Returns the URL of a room.
    pub fn room(&self, name: &str) -> String {
        format!("ws://{}/{name}", self.address)
    }

    /// Returns the address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the number of sent messages.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns the number of accepted connections.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for HostileServer {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        if let Some(listener_thread) = self.listener_thread.take() {
            let _ = listener_thread.join();
        }
    }
}

struct Client {
    is_stopping: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
}

impl Client {
    /// Attacks a client. Returns an error when the client disconnects.
    fn serve(&self, stream: TcpStream, attack: ServerAttack) -> anyhow::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(Duration::from_secs(2)))?;
        if attack == ServerAttack::Silent {
            return self.wait(stream);
        }
        let mut socket = accept(stream)?;
        if attack != ServerAttack::NoId {
            self.send_text(&mut socket, json!({ "IdAssigned": id(1) }).to_string())?;
        }
        match attack {
            ServerAttack::Garbage => self.repeat(&mut socket, |n| {
                let texts = [
                    "",
                    "garbage",
                    "{",
                    "[[[[",
                    "{\"Evil\":{}}",
                    "{\"NewPeer\":7}",
                ];
                Message::text(texts[n % texts.len()])
            }),
            ServerAttack::Bytes => self.repeat(&mut socket, |_| Message::binary(vec![0xFF; 100])),
            ServerAttack::SecondId => self.repeat(&mut socket, |n| {
                Message::text(json!({ "IdAssigned": id(n) }).to_string())
            }),
            ServerAttack::NoId | ServerAttack::Announcements => self.repeat(&mut socket, |_| {
                Message::text(json!({ "NewPeer": id(7) }).to_string())
            }),
            ServerAttack::UnknownMembers => self.repeat(&mut socket, |n| {
                let data = json!({ "Offer": "v=0" });
                let signal = json!({ "Signal": { "sender": id(n), "data": data } });
                Message::text(signal.to_string())
            }),
            ServerAttack::Flood => self.flood(&mut socket, |n| {
                Message::text(json!({ "PeerLeft": id(n) }).to_string())
            }),
            ServerAttack::LongFlood => {
                let data = "x".repeat(60_000);
                let signal = json!({ "Signal": { "sender": id(7), "data": data } }).to_string();
                self.flood(&mut socket, |_| Message::text(signal.clone()))
            }
            ServerAttack::TooLong => {
                self.send_text(&mut socket, "x".repeat(8 * 1024 * 1024))?;
                self.repeat(&mut socket, |_| Message::Ping(Default::default()))
            }
            ServerAttack::SlowClose => {
                socket.close(None)?;
                socket.flush()?;
                self.repeat(&mut socket, |_| Message::Ping(Default::default()))
            }
            ServerAttack::Silent => Ok(()),
        }
    }

    fn send_text(&self, socket: &mut WebSocket<TcpStream>, text: String) -> anyhow::Result<()> {
        socket.send(Message::text(text))?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Sends up to 500 messages per second.
    fn repeat(
        &self,
        socket: &mut WebSocket<TcpStream>,
        message: impl Fn(usize) -> Message,
    ) -> anyhow::Result<()> {
        for n in 0.. {
            if self.is_stopping.load(Ordering::Relaxed) {
                break;
            }
            socket.send(message(n))?;
            self.sent.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Sends messages as fast as the client reads them.
    fn flood(
        &self,
        socket: &mut WebSocket<TcpStream>,
        message: impl Fn(usize) -> Message,
    ) -> anyhow::Result<()> {
        for n in 0.. {
            if self.is_stopping.load(Ordering::Relaxed) {
                break;
            }
            socket.send(message(n))?;
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn wait(&self, mut stream: TcpStream) -> anyhow::Result<()> {
        stream.set_read_timeout(Some(POLL))?;
        while !self.is_stopping.load(Ordering::Relaxed) {
            match stream.read(&mut [0; 1024]) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Returns a signaling id for a number.
fn id(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012x}")
}
