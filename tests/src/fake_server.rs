//! A server that runs in place of a signaling server and misbehaves.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{Context, ensure};
use network_lab::{Host, Network};

/// The behavior of a [`FakeServer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FakeBehavior {
    /// Answers with a web page.
    WebPage,
    /// Answers with bytes that are not HTTP.
    Garbage,
    /// Accepts the connection and sends nothing.
    Silence,
    /// Opens a WebSocket and sends nothing on it.
    SilentWebSocket,
    /// Forwards all bytes to a server.
    Proxy(SocketAddr),
}

/// A server in place of a signaling server. Its behavior can change while it runs.
pub struct FakeServer {
    address: SocketAddr,
    behavior: Arc<Mutex<FakeBehavior>>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl FakeServer {
    /// Starts listening on a free port of the host.
    ///
    /// # Errors
    /// Returns an error if the port cannot be opened.
    pub fn start(host: &Host, behavior: FakeBehavior) -> anyhow::Result<Self> {
        let listener = host.enter(|| TcpListener::bind((host.address(), 0)))??;
        let server = Self {
            address: listener.local_addr()?,
            behavior: Arc::new(Mutex::new(behavior)),
            connections: Arc::default(),
        };
        let (behavior, connections, network) = (
            Arc::clone(&server.behavior),
            Arc::clone(&server.connections),
            host.network().clone(),
        );
        thread::Builder::new()
            .name("fake server".into())
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    if let Ok(kept) = stream.try_clone() {
                        connections
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(kept);
                    }
                    let behavior = *behavior.lock().unwrap_or_else(PoisonError::into_inner);
                    let network = network.clone();
                    // The thread ends when either side closes the connection.
                    thread::spawn(move || drop(answer(stream, behavior, &network)));
                }
            })
            .context("cannot start a thread for a fake server")?;
        Ok(server)
    }

    /// Changes the behavior for new connections, and closes the existing ones.
    pub fn set(&self, behavior: FakeBehavior) {
        *self.behavior.lock().unwrap_or_else(PoisonError::into_inner) = behavior;
        for stream in self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            // The connection may already be closed.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Returns the address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of a room on this server.
    pub fn room(&self, name: &str) -> String {
        format!("ws://{}/{name}", self.address)
    }
}

fn answer(mut stream: TcpStream, behavior: FakeBehavior, network: &Network) -> anyhow::Result<()> {
    const PAGE: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<p>Welcome</p";
    let mut request = [0; 4096];
    match behavior {
        FakeBehavior::WebPage => {
            ensure!(stream.read(&mut request)? > 0, "the client sent no request");
            stream.write_all(PAGE.as_bytes())?;
        }
        FakeBehavior::Garbage => {
            ensure!(stream.read(&mut request)? > 0, "the client sent no request");
            stream.write_all(b"\x16\x03\x01 220 welcome \r\n\r\n")?;
        }
        FakeBehavior::Silence => while stream.read(&mut request)? > 0 {},
        FakeBehavior::SilentWebSocket => {
            let mut socket =
                tungstenite::accept(stream).context("the client did not open a WebSocket")?;
            loop {
                socket.read()?;
            }
        }
        FakeBehavior::Proxy(address) => {
            let to = network.enter(|| TcpStream::connect(address))??;
            let (mut back_from, mut back_to) = (to.try_clone()?, stream.try_clone()?);
            thread::spawn(move || {
                // When one side closes the connection, so does the other.
                let _ = io::copy(&mut back_from, &mut back_to);
                let _ = back_to.shutdown(Shutdown::Both);
            });
            let passed = io::copy(&mut stream, &mut &to);
            to.shutdown(Shutdown::Both)?;
            passed?;
        }
    }
    Ok(())
}
