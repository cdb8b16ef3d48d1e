//! A server in the process of the test, and clients that connect to it.
#![allow(dead_code, reason = "each test file uses a part of this module")]

pub(crate) mod attack;
pub(crate) mod redis;
pub(crate) mod sources;

use std::{collections::HashSet, net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use huddle_signaling::{Config, Server};
use matchbox_protocol::{JsonPeerEvent, JsonPeerRequest, PeerId};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Child,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, protocol::CloseFrame},
};

/// The time after which a test fails. Every operation that succeeds is faster.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn local_config() -> Config {
    Config {
        bind: ([127, 0, 0, 1], 0).into(),
        // Most tests check the messages without sessions.
        resume_timeout: Duration::ZERO,
        ..Config::default()
    }
}

pub(crate) struct RunningServer {
    pub(crate) addr: SocketAddr,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) ended: JoinHandle<()>,
}

pub(crate) async fn start(config: Config) -> RunningServer {
    let server = Server::bind(config).await.unwrap();
    let addr = server.local_addr();
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    RunningServer { addr, stop, ended }
}

/// Waits until a program prints the address on which it listens.
pub(crate) async fn listening(program: &mut Child) -> SocketAddr {
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let line = timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap();
    let line = line.expect("the program must print its address");
    let addr = line.strip_prefix("listening on http://").unwrap();
    addr.parse().unwrap()
}

pub(crate) struct Client {
    pub(crate) id: PeerId,
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// Joins a room, given as path and query.
    pub(crate) async fn join(addr: SocketAddr, room: &str) -> Self {
        Self::new(connect(addr, room).await.unwrap()).await
    }

    /// Waits until the server has assigned an id to the client.
    pub(crate) async fn new(mut socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        let JsonPeerEvent::IdAssigned(id) = event(&mut socket).await else {
            panic!("the first event must be IdAssigned");
        };
        Self { id, socket }
    }

    pub(crate) async fn event(&mut self) -> JsonPeerEvent {
        event(&mut self.socket).await
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    pub(crate) async fn signal(&mut self, receiver: PeerId, data: Value) {
        self.send(JsonPeerRequest::Signal { receiver, data }.to_string())
            .await;
    }

    pub(crate) async fn expect_new_peer(&mut self, peer: &Client) {
        assert_eq!(self.event().await, JsonPeerEvent::NewPeer(peer.id));
    }

    pub(crate) async fn expect_peer_left(&mut self, peer: PeerId) {
        assert_eq!(self.event().await, JsonPeerEvent::PeerLeft(peer));
    }

    pub(crate) async fn expect_signal(&mut self, sender: PeerId, data: Value) {
        let signal = JsonPeerEvent::Signal { sender, data };
        assert_eq!(self.event().await, signal);
    }

    /// Checks that the server has sent no events to this client. The server delivers a client's
    /// signal to itself after all earlier events.
    pub(crate) async fn expect_nothing(&mut self) {
        let marker = json!({"marker": self.id});
        self.signal(self.id, marker.clone()).await;
        self.expect_signal(self.id, marker).await;
    }

    /// Returns the peers of all `NewPeer` events that the server has sent to this client.
    pub(crate) async fn announced(&mut self) -> HashSet<PeerId> {
        self.signal(self.id, json!("marker")).await;
        let mut peers = HashSet::new();
        loop {
            match self.event().await {
                JsonPeerEvent::NewPeer(peer) => assert!(peers.insert(peer), "announced twice"),
                JsonPeerEvent::Signal { .. } => return peers,
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    pub(crate) async fn leave(mut self) -> PeerId {
        self.socket.close(None).await.unwrap();
        self.id
    }

    pub(crate) async fn closed(mut self) -> (u16, String) {
        closed(&mut self.socket).await
    }
}

pub(crate) async fn connect(
    addr: SocketAddr,
    room: &str,
) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, Error> {
    let url = format!("ws://{addr}{room}");
    let connected = timeout(TIMEOUT, connect_async(url)).await.unwrap();
    connected.map(|(socket, _)| socket)
}

async fn event(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> JsonPeerEvent {
    loop {
        match next(socket).await {
            Message::Text(text) => return text.parse().unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("expected an event, got {other:?}"),
        }
    }
}

pub(crate) async fn next(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Message {
    let message = timeout(TIMEOUT, socket.next()).await;
    message
        .expect("the server sent nothing")
        .expect("the connection ended")
        .expect("the connection broke")
}

/// Returns the close code and reason. Ignores all messages before the close frame.
pub(crate) async fn closed(
    socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>,
) -> (u16, String) {
    loop {
        match next(socket).await {
            Message::Close(Some(CloseFrame { code, reason })) => {
                return (code.into(), reason.to_string());
            }
            Message::Close(None) => panic!("closed without a code"),
            _ => {}
        }
    }
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Sends a plain HTTP request. Each line of `headers` ends with CRLF.
pub(crate) async fn get(addr: SocketAddr, path: &str, headers: &str) -> Response {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    get_on(&mut stream, path, headers).await
}

/// Sends a plain HTTP request on a connection that stays open.
pub(crate) async fn get_on(stream: &mut TcpStream, path: &str, headers: &str) -> Response {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    timeout(TIMEOUT, response(stream)).await.unwrap()
}

/// Returns the response to a WebSocket upgrade that the server refuses.
pub(crate) async fn refused(addr: SocketAddr, path: &str) -> Response {
    let headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    get(addr, path, headers).await
}

async fn response(stream: &mut TcpStream) -> Response {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    Response {
        status: status.parse().unwrap(),
        headers,
        body,
    }
}
