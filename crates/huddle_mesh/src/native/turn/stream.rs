//! A TCP or TLS connection to a TURN server.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::TcpStream,
    sync::mpsc,
    task::AbortHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::super::{problems, tcp};
use super::{
    framing::{Decoder, encode},
    servers::StreamServer,
};

/// The maximum number of datagrams that wait until the connection takes them. The stream drops
/// further ones, as a UDP path does. The send queues of a link's channels fit, because a dropped
/// datagram would cost the link up to a second.
const MAX_UNSENT: usize = 512;
/// The time that the connection may take to open, with TLS. The `webrtc` crate gives up on the
/// server after about as long.
const OPEN_TIMEOUT: Duration = Duration::from_secs(8);
/// The number of bytes to read at once.
const READ_LEN: usize = 16 * 1024;
/// The number of bytes to write at once.
const WRITE_LEN: usize = 16 * 1024;

/// A received datagram, with the virtual address of the server.
pub(super) type Datagram = (SocketAddr, Bytes);

/// A connection to a TURN server, in its own task. Dropping it closes the connection, and the
/// server then frees what it has allocated.
#[derive(Debug)]
pub(super) struct Stream {
    unsent: mpsc::Sender<Bytes>,
    task: AbortHandle,
}

impl Stream {
    /// Opens a connection to `server`. Received datagrams come from `address`.
    pub(super) fn open(
        server: StreamServer,
        tls: Arc<ClientConfig>,
        address: SocketAddr,
        received: mpsc::Sender<Datagram>,
    ) -> Self {
        let (unsent, queue) = mpsc::channel(MAX_UNSENT);
        let task = tokio::spawn(async move {
            let url = server.url.clone();
            let pump = Pump {
                address,
                queue,
                received,
            };
            if let Err(error) = run(server, tls, pump).await
                && problems::is_new(&url, true)
            {
                log::warn!("the TURN server {url} cannot be used: {error}");
            }
        });
        Self {
            unsent,
            task: task.abort_handle(),
        }
    }

    /// Sends a datagram, or drops it if the connection is slow or has ended.
    pub(super) fn send(&self, datagram: &[u8]) {
        if let Ok(permit) = self.unsent.try_reserve() {
            permit.send(Bytes::copy_from_slice(datagram));
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects, then sends and receives until the connection ends. Returns why it ended.
async fn run(server: StreamServer, tls: Arc<ClientConfig>, pump: Pump) -> io::Result<()> {
    let url = &server.url;
    if !server.is_secure {
        let stream = in_time(open(&server)).await?;
        return pump.run(url, stream).await;
    }
    let name = ServerName::try_from(server.host.clone()).map_err(io::Error::other)?;
    let handshake = async {
        let stream = open(&server).await?;
        TlsConnector::from(tls).connect(name, stream).await
    };
    let stream = in_time(handshake).await?;
    pump.run(url, stream).await
}

/// Opens a TCP connection.
async fn open(server: &StreamServer) -> io::Result<TcpStream> {
    let addresses = tcp::lookup(&server.host, server.port).await?;
    let stream = tcp::open_any(addresses).await?;
    // The streams carry packets that must not wait for others.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn in_time<T>(opening: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let slow = |_| io::Error::new(io::ErrorKind::TimedOut, "it does not answer");
    timeout(OPEN_TIMEOUT, opening).await.map_err(slow)?
}

/// Moves datagrams between a connection and the queues of its socket.
struct Pump {
    address: SocketAddr,
    queue: mpsc::Receiver<Bytes>,
    received: mpsc::Sender<Datagram>,
}

impl Pump {
    async fn run(self, url: &str, stream: impl AsyncRead + AsyncWrite) -> io::Result<()> {
        let (reader, writer) = split(stream);
        tokio::select! {
            result = send(writer, self.queue) => result,
            result = receive(url, reader, self.address, self.received) => result,
        }
    }
}

async fn send(
    mut writer: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<Bytes>,
) -> io::Result<()> {
    // The `webrtc` crate repeats a request while the connection opens. Nothing gets lost on the
    // connection, so the server needs it only once.
    let mut waiting: Vec<_> = std::iter::from_fn(|| queue.try_recv().ok()).collect();
    waiting.dedup();
    let mut bytes = BytesMut::new();
    for datagram in waiting {
        encode(&datagram, &mut bytes);
    }
    loop {
        writer.write_all(&bytes).await?;
        writer.flush().await?;
        bytes.clear();
        let Some(datagram) = queue.recv().await else {
            return Ok(());
        };
        encode(&datagram, &mut bytes);
        while bytes.len() < WRITE_LEN
            && let Ok(datagram) = queue.try_recv()
        {
            encode(&datagram, &mut bytes);
        }
    }
}

async fn receive(
    url: &str,
    mut reader: impl AsyncRead + Unpin,
    address: SocketAddr,
    received: mpsc::Sender<Datagram>,
) -> io::Result<()> {
    let mut works = false;
    let mut decoder = Decoder::default();
    let mut bytes = vec![0; READ_LEN];
    loop {
        let length = reader.read(&mut bytes).await?;
        if length == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it closed the connection",
            ));
        }
        decoder.push(&bytes[..length]);
        while let Some(message) = decoder.next().map_err(io::Error::other)? {
            if !works {
                works = true;
                problems::is_new(url, false);
            }
            if received.send((address, message)).await.is_err() {
                return Ok(());
            }
        }
    }
}
