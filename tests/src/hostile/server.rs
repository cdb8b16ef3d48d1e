//! A signaling server that says whatever it likes.

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

/// What a server does to everybody who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trick {
    /// Texts that are no JSON, or not matchbox's.
    Garbage,
    /// Bytes.
    Bytes,
    /// One id after another.
    SecondId,
    /// Players before the id of this one.
    NoId,
    /// The same player announced over and over.
    Announcements,
    /// Nonsense of members that nobody has heard of.
    Strangers,
    /// Small messages that make sense, as fast as they are taken.
    Flood,
    /// Messages that are just short enough, as fast as they are taken.
    LongFlood,
    /// A message of several megabytes.
    TooLong,
    /// A goodbye, and then nothing.
    SlowClose,
    /// Not a word, not even that of a WebSocket.
    Mute,
}

impl Trick {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Garbage,
        Self::Bytes,
        Self::SecondId,
        Self::NoId,
        Self::Announcements,
        Self::Strangers,
        Self::Flood,
        Self::LongFlood,
        Self::TooLong,
        Self::SlowClose,
        Self::Mute,
    ];
}

/// A server that plays a trick on everybody, until it is dropped.
pub struct HostileServer {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    connections: Arc<AtomicU64>,
    listening: Option<JoinHandle<()>>,
}

impl HostileServer {
    /// Listens at that address.
    ///
    /// # Errors
    /// If it is taken.
    pub fn start(address: SocketAddr, trick: Trick) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind(address).with_context(|| format!("cannot listen at {address}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let over = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU64::new(0));
        let connections = Arc::new(AtomicU64::new(0));
        let listening = thread::spawn({
            let (over, sent) = (Arc::clone(&over), Arc::clone(&sent));
            let connections = Arc::clone(&connections);
            move || {
                let mut serving = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let Ok((stream, _)) = listener.accept() else {
                        thread::sleep(POLL);
                        continue;
                    };
                    connections.fetch_add(1, Ordering::Relaxed);
                    let client = Client {
                        over: Arc::clone(&over),
                        sent: Arc::clone(&sent),
                    };
                    serving.push(thread::spawn(move || client.serve(stream, trick)));
                }
                drop(listener);
                for client in serving {
                    // A client that is gone ends its thread early, with an error.
                    let _ = client.join();
                }
            }
        });
        Ok(Self {
            address,
            over,
            sent,
            connections,
            listening: Some(listening),
        })
    }

    /// The address of a room.
    pub fn room(&self, name: &str) -> String {
        format!("ws://{}/{name}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many messages clients have taken.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How often somebody connected.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for HostileServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

struct Client {
    over: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
}

impl Client {
    /// Ends with an error when the client leaves.
    fn serve(&self, stream: TcpStream, trick: Trick) -> anyhow::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(Duration::from_secs(2)))?;
        if trick == Trick::Mute {
            return self.wait(stream);
        }
        let mut socket = accept(stream)?;
        if trick != Trick::NoId {
            self.say(&mut socket, json!({ "IdAssigned": id(1) }).to_string())?;
        }
        match trick {
            Trick::Garbage => self.repeat(&mut socket, |n| {
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
            Trick::Bytes => self.repeat(&mut socket, |_| Message::binary(vec![0xFF; 100])),
            Trick::SecondId => self.repeat(&mut socket, |n| {
                Message::text(json!({ "IdAssigned": id(n) }).to_string())
            }),
            Trick::NoId | Trick::Announcements => self.repeat(&mut socket, |_| {
                Message::text(json!({ "NewPeer": id(7) }).to_string())
            }),
            Trick::Strangers => self.repeat(&mut socket, |n| {
                let data = json!({ "Offer": "v=0" });
                let signal = json!({ "Signal": { "sender": id(n), "data": data } });
                Message::text(signal.to_string())
            }),
            Trick::Flood => self.flood(&mut socket, |n| {
                Message::text(json!({ "PeerLeft": id(n) }).to_string())
            }),
            Trick::LongFlood => {
                let data = "x".repeat(60_000);
                let signal = json!({ "Signal": { "sender": id(7), "data": data } }).to_string();
                self.flood(&mut socket, |_| Message::text(signal.clone()))
            }
            Trick::TooLong => {
                self.say(&mut socket, "x".repeat(8 * 1024 * 1024))?;
                self.repeat(&mut socket, |_| Message::Ping(Default::default()))
            }
            Trick::SlowClose => {
                socket.close(None)?;
                socket.flush()?;
                self.repeat(&mut socket, |_| Message::Ping(Default::default()))
            }
            Trick::Mute => Ok(()),
        }
    }

    fn say(&self, socket: &mut WebSocket<TcpStream>, text: String) -> anyhow::Result<()> {
        socket.send(Message::text(text))?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Some hundred messages a second.
    fn repeat(
        &self,
        socket: &mut WebSocket<TcpStream>,
        message: impl Fn(usize) -> Message,
    ) -> anyhow::Result<()> {
        for n in 0.. {
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            socket.send(message(n))?;
            self.sent.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// As many as the client takes.
    fn flood(
        &self,
        socket: &mut WebSocket<TcpStream>,
        message: impl Fn(usize) -> Message,
    ) -> anyhow::Result<()> {
        for n in 0.. {
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            socket.send(message(n))?;
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn wait(&self, mut stream: TcpStream) -> anyhow::Result<()> {
        stream.set_read_timeout(Some(POLL))?;
        while !self.over.load(Ordering::Relaxed) {
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

/// The text of one of many ids.
fn id(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012x}")
}
