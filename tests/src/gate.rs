//! What may stand where a signaling server should be.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{Context, ensure};
use network_lab::{Host, Network};

/// What a [`Gate`] does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Answers with a web page.
    WebPage,
    /// Answers with bytes that are no HTTP.
    Garbage,
    /// Takes the connection and never says a word.
    Silence,
    /// Opens a WebSocket, and never says a word on it.
    SilentWebSocket,
    /// Passes everything on to a server.
    Server(SocketAddr),
}

/// A port on a host, where everything but a signaling server answers until one does.
pub struct Gate {
    address: SocketAddr,
    behind: Arc<Mutex<Behind>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Gate {
    /// Listens on a free port of the host.
    ///
    /// # Errors
    /// If it cannot.
    pub fn open(host: &Host, behind: Behind) -> anyhow::Result<Self> {
        let listener = host.enter(|| TcpListener::bind((host.address(), 0)))??;
        let gate = Self {
            address: listener.local_addr()?,
            behind: Arc::new(Mutex::new(behind)),
            open: Arc::default(),
        };
        let (behind, open, network) = (
            Arc::clone(&gate.behind),
            Arc::clone(&gate.open),
            host.network().clone(),
        );
        thread::Builder::new()
            .name("gate".into())
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    if let Ok(kept) = stream.try_clone() {
                        open.lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(kept);
                    }
                    let behind = *behind.lock().unwrap_or_else(PoisonError::into_inner);
                    let network = network.clone();
                    // Whoever hangs up ends it.
                    thread::spawn(move || drop(answer(stream, behind, &network)));
                }
            })
            .context("cannot start a thread for a gate")?;
        Ok(gate)
    }

    /// From now on this is what is there; connections of before end.
    pub fn set(&self, behind: Behind) {
        *self.behind.lock().unwrap_or_else(PoisonError::into_inner) = behind;
        for stream in self
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            // It may be over already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of a room there, if there were one.
    pub fn room(&self, name: &str) -> String {
        format!("ws://{}/{name}", self.address)
    }
}

fn answer(mut stream: TcpStream, behind: Behind, network: &Network) -> anyhow::Result<()> {
    const PAGE: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<p>Welcome</p";
    let mut request = [0; 4096];
    match behind {
        Behind::WebPage => {
            ensure!(stream.read(&mut request)? > 0, "it asks nothing");
            stream.write_all(PAGE.as_bytes())?;
        }
        Behind::Garbage => {
            ensure!(stream.read(&mut request)? > 0, "it asks nothing");
            stream.write_all(b"\x16\x03\x01 220 welcome \r\n\r\n")?;
        }
        Behind::Silence => while stream.read(&mut request)? > 0 {},
        Behind::SilentWebSocket => {
            let mut socket = tungstenite::accept(stream).context("no WebSocket")?;
            loop {
                socket.read()?;
            }
        }
        Behind::Server(address) => {
            let to = network.enter(|| TcpStream::connect(address))??;
            let (mut back_from, mut back_to) = (to.try_clone()?, stream.try_clone()?);
            thread::spawn(move || {
                // Whichever side hangs up, the other is told.
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
