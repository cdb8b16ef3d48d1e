//! A signaling server in the middle, which replaces the fingerprints of certificates.

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::bail;
use tungstenite::{
    Error, Message, WebSocket, accept_hdr, connect,
    handshake::server::{ErrorResponse, Request, Response},
    stream::MaybeTlsStream,
};

const POLL: Duration = Duration::from_millis(5);

/// The prefix of a fingerprint in a session description.
const FINGERPRINT: &str = "a=fingerprint:sha-256 ";
/// 32 bytes in hexadecimal digits, separated by colons.
const FINGERPRINT_LEN: usize = 32 * 3 - 1;

/// Relays everything between its clients and a real signaling server, but replaces the fingerprint
/// in each session description. Stops when dropped.
pub struct TamperingServer {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl TamperingServer {
    /// Listens on a free port of this machine. All bytes of the new fingerprints are `byte`.
    ///
    /// # Errors
    /// Returns an error if no port is free.
    pub fn start(server: SocketAddr, byte: u8) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let fingerprint = vec![format!("{byte:02X}"); 32].join(":");
        let listening = thread::spawn({
            let is_over = Arc::clone(&is_over);
            move || {
                let mut relaying = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    let Ok((stream, _)) = listener.accept() else {
                        thread::sleep(POLL);
                        continue;
                    };
                    let (is_over, fingerprint) = (Arc::clone(&is_over), fingerprint.clone());
                    relaying.push(thread::spawn(move || {
                        relay(stream, server, &fingerprint, &is_over)
                    }));
                }
                for client in relaying {
                    // A client that leaves ends its relay with an error.
                    let _ = client.join();
                }
            }
        });
        Ok(Self {
            address,
            is_over,
            listening: Some(listening),
        })
    }

    /// Returns the URL of a room.
    pub fn room(&self, name: &str) -> String {
        format!("ws://{}/{name}", self.address)
    }

    /// Returns the address of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TamperingServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

fn relay(
    stream: TcpStream,
    server: SocketAddr,
    fingerprint: &str,
    is_over: &AtomicBool,
) -> anyhow::Result<()> {
    stream.set_nonblocking(false)?;
    let mut path = String::new();
    #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
    let note_path = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        path = request.uri().to_string();
        Ok(response)
    };
    let Ok(mut client) = accept_hdr(stream, note_path) else {
        bail!("the client did not open a WebSocket");
    };
    let (mut server, _) = connect(format!("ws://{server}{path}"))?;
    client.get_ref().set_read_timeout(Some(POLL))?;
    if let MaybeTlsStream::Plain(stream) = server.get_ref() {
        stream.set_read_timeout(Some(POLL))?;
    }
    while !is_over.load(Ordering::Relaxed) {
        if let Some(message) = read(&mut client)? {
            server.send(message)?;
        }
        match read(&mut server)? {
            Some(Message::Text(text)) => client.send(Message::text(rewrite(&text, fingerprint)))?,
            Some(message) => client.send(message)?,
            None => {}
        }
    }
    Ok(())
}

/// Reads a message, if there is one.
fn read<S: io::Read + io::Write>(socket: &mut WebSocket<S>) -> anyhow::Result<Option<Message>> {
    match socket.read() {
        Ok(message) => Ok(Some(message)),
        Err(Error::Io(error))
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn rewrite(text: &str, fingerprint: &str) -> String {
    let Some(at) = text.find(FINGERPRINT).map(|at| at + FINGERPRINT.len()) else {
        return text.to_owned();
    };
    [&text[..at], fingerprint, &text[at + FINGERPRINT_LEN..]].concat()
}
