//! A UDP socket that passes datagrams for virtual addresses to TURN servers.

use std::{
    collections::BTreeMap,
    io::{self, IoSliceMut},
    net::SocketAddr,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::sync::mpsc;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use super::super::shared::lock;
use super::{
    flush::Flush,
    servers::{StreamServers, is_virtual},
    stream::{Datagram, Stream},
};

/// The maximum number of received datagrams that the `webrtc` crate has not read. When the queue is
/// full, the streams wait, which slows down the server.
const MAX_UNREAD: usize = 256;

/// A UDP socket that also reaches TURN servers over TCP and TLS. Dropping it closes the
/// connections to these servers.
#[derive(Debug)]
pub(in super::super) struct RelayedSocket {
    udp: Arc<dyn AsyncUdpSocket>,
    servers: Arc<StreamServers>,
    flush: Arc<Flush>,
    /// The streams that this socket has opened, by virtual port. A stream that has ended remains,
    /// like a path that carries no packets any more.
    streams: Mutex<BTreeMap<u16, Stream>>,
    received: Mutex<mpsc::Receiver<Datagram>>,
    received_tx: mpsc::Sender<Datagram>,
}

impl RelayedSocket {
    pub(in super::super) fn new(
        udp: Arc<dyn AsyncUdpSocket>,
        servers: Arc<StreamServers>,
        flush: Arc<Flush>,
    ) -> Self {
        let (received_tx, received) = mpsc::channel(MAX_UNREAD);
        Self {
            udp,
            servers,
            flush,
            streams: Mutex::default(),
            received: Mutex::new(received),
            received_tx,
        }
    }

    /// Sends a datagram to a server, and opens a stream to it first if necessary.
    fn send_to_server(&self, address: SocketAddr, datagram: &[u8]) {
        let mut streams = lock(&self.streams);
        if let Some(stream) = streams.get(&address.port()) {
            return stream.send(datagram);
        }
        let Some(server) = self.servers.claim(address.port()) else {
            return;
        };
        let tls = Arc::clone(&self.servers.tls);
        let stream = Stream::open(server.clone(), tls, address, self.received_tx.clone());
        stream.send(datagram);
        streams.insert(address.port(), stream);
    }

    /// Returns the next datagram from a server.
    fn poll_servers(&self, cx: &mut Context<'_>) -> Poll<(SocketAddr, Bytes)> {
        match lock(&self.received).poll_recv(cx) {
            Poll::Ready(Some(datagram)) => Poll::Ready(datagram),
            // The socket has a sender too, so the queue is never closed.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncUdpSocket for RelayedSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        if !is_virtual(&transmit.destination) {
            if self.flush.is_server(&transmit.destination) {
                self.flush.sent();
            }
            return self.udp.poll_send(cx, transmit);
        }
        self.flush.sent();
        let length = transmit.contents.len();
        let segment = transmit.segment_size.unwrap_or(length).max(1);
        for datagram in transmit.contents.chunks(segment) {
            self.send_to_server(transmit.destination, datagram);
        }
        Poll::Ready(Ok(length))
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if let (Some(buffer), Some(meta)) = (buffers.first_mut(), meta.first_mut())
            && let Poll::Ready((address, datagram)) = self.poll_servers(cx)
        {
            let length = datagram.len().min(buffer.len());
            buffer[..length].copy_from_slice(&datagram[..length]);
            *meta = RecvMeta::default();
            meta.addr = address;
            meta.len = length;
            meta.stride = length.max(1);
            return Poll::Ready(Ok(1));
        }
        self.udp.poll_recv(cx, buffers, meta)
    }

    fn max_gso_segments(&self) -> usize {
        self.udp.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.udp.max_gro_segments()
    }
}

impl Drop for RelayedSocket {
    fn drop(&mut self) {
        for port in lock(&self.streams).keys() {
            self.servers.release(*port);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use rustls::RootCertStore;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        time::timeout,
    };
    use webrtc::runtime::{Runtime, TokioRuntime};

    use super::*;
    use crate::platform::{
        tls,
        turn::{StreamServer, virtual_addresses},
    };

    const LIMIT: Duration = Duration::from_secs(5);
    /// Channel data with 2 bytes, as a datagram and on a stream.
    const DATAGRAM: [u8; 6] = [0x40, 0, 0, 2, 7, 8];
    const PADDED: [u8; 8] = [0x40, 0, 0, 2, 7, 8, 0, 0];

    /// A server, and sockets that reach it at the virtual address.
    struct Setup {
        listener: TcpListener,
        address: SocketAddr,
        sockets: Vec<RelayedSocket>,
    }

    async fn setup() -> Setup {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut servers = StreamServers::new(tls::config_with(RootCertStore::empty()).unwrap());
        let port = listener.local_addr().unwrap().port();
        let server = StreamServer {
            url: format!("turn:localhost:{port}?transport=tcp"),
            host: "localhost".to_owned(),
            port,
            is_secure: false,
        };
        let address = SocketAddr::new(virtual_addresses()[0], servers.add(server).unwrap());
        let servers = Arc::new(servers);
        let sockets = (0..2).map(|_| {
            let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let udp = TokioRuntime.wrap_udp_socket(udp).unwrap();
            RelayedSocket::new(udp, Arc::clone(&servers), Arc::default())
        });
        Setup {
            listener,
            address,
            sockets: sockets.collect(),
        }
    }

    async fn accept(listener: &TcpListener) -> TcpStream {
        let accepted = timeout(LIMIT, listener.accept()).await;
        accepted.expect("nobody connects").unwrap().0
    }

    async fn read<const LEN: usize>(stream: &mut TcpStream) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let read = timeout(LIMIT, stream.read_exact(&mut bytes)).await;
        read.expect("the server receives too little").unwrap();
        bytes
    }

    async fn receive(socket: &RelayedSocket) -> (Vec<u8>, SocketAddr) {
        let mut bytes = [0; 2000];
        let received = timeout(LIMIT, socket.recv_from(&mut bytes)).await;
        let (length, from) = received.expect("the socket receives nothing").unwrap();
        (bytes[..length].to_vec(), from)
    }

    #[tokio::test]
    async fn datagrams_for_a_virtual_address_take_a_stream() {
        let Setup {
            listener,
            address,
            sockets,
        } = setup().await;
        // While the connection opens, a repeated request is sent once.
        for _ in 0..3 {
            sockets[0].send_to(&DATAGRAM, address).await.unwrap();
        }
        let mut server = accept(&listener).await;
        assert_eq!(read(&mut server).await, PADDED);
        let segments = [DATAGRAM, [0x40, 1, 0, 2, 5, 6]].concat();
        let transmit = Transmit {
            destination: address,
            ecn: None,
            contents: &segments,
            segment_size: Some(DATAGRAM.len()),
            src_ip: None,
        };
        let sent = poll_fn(|cx| sockets[0].poll_send(cx, &transmit)).await;
        assert_eq!(sent.unwrap(), segments.len());
        let received: [u8; 16] = read(&mut server).await;
        assert_eq!(received[8..], [0x40, 1, 0, 2, 5, 6, 0, 0]);
        server.write_all(&[PADDED, PADDED].concat()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(receive(&sockets[0]).await, (DATAGRAM.to_vec(), address));
        }
    }

    #[tokio::test]
    async fn other_datagrams_still_take_the_udp_socket() {
        let Setup {
            address, sockets, ..
        } = setup().await;
        sockets[0].send_to(&DATAGRAM, address).await.unwrap();
        let [from, to] = [0, 1].map(|index: usize| sockets[index].local_addr().unwrap());
        sockets[0].send_to(b"direct", to).await.unwrap();
        assert_eq!(receive(&sockets[1]).await, (b"direct".to_vec(), from));
    }

    #[tokio::test]
    async fn one_socket_at_a_time_connects_to_a_server() {
        let Setup {
            listener,
            address,
            mut sockets,
        } = setup().await;
        sockets[0].send_to(&DATAGRAM, address).await.unwrap();
        sockets[1].send_to(&DATAGRAM, address).await.unwrap();
        let mut server = accept(&listener).await;
        assert_eq!(read(&mut server).await, PADDED);
        let second = timeout(Duration::from_millis(200), listener.accept()).await;
        assert!(second.is_err(), "the second socket connects too");

        drop(sockets.remove(0));
        let ended = timeout(LIMIT, server.read(&mut [0; 16])).await;
        assert_eq!(ended.expect("the connection stays open").unwrap(), 0);
        sockets[0].send_to(&DATAGRAM, address).await.unwrap();
        accept(&listener).await;
    }

    #[tokio::test]
    async fn server_that_does_not_read_fills_only_a_queue() {
        let Setup {
            listener,
            address,
            sockets,
        } = setup().await;
        let datagram = [&[0x40, 0, 0x04, 0][..], &[0; 1024]].concat();
        for _ in 0..20_000 {
            let sent = timeout(LIMIT, sockets[0].send_to(&datagram, address)).await;
            sent.expect("the socket waits for the server").unwrap();
            tokio::task::yield_now().await;
        }
        accept(&listener).await;
    }

    #[tokio::test]
    async fn server_that_sends_garbage_is_disconnected() {
        let Setup {
            listener,
            address,
            sockets,
        } = setup().await;
        sockets[0].send_to(&DATAGRAM, address).await.unwrap();
        let mut server = accept(&listener).await;
        assert_eq!(read(&mut server).await, PADDED);
        server
            .write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n")
            .await
            .unwrap();
        let ended = timeout(LIMIT, server.read(&mut [0; 16])).await;
        // Unread data turns the end into a reset.
        assert!(matches!(ended.expect("it stays connected"), Ok(0) | Err(_)));
        sockets[0].send_to(&DATAGRAM, address).await.unwrap();
        let again = timeout(Duration::from_millis(200), listener.accept()).await;
        assert!(again.is_err(), "the socket connects again");
    }
}
