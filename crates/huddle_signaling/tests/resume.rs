//! Clients that lose their WebSocket and take their place again.

mod common;

use std::time::{Duration, Instant};

use common::{
    Client, RunningServer, TIMEOUT,
    attack::open_config,
    closed, connect, local_config, next, refused,
    sources::{connect_from, loopback},
    start,
};
use futures_util::{SinkExt, StreamExt};
use huddle_signaling::{Config, close_code};
use matchbox_protocol::{JsonPeerEvent, JsonPeerRequest, PeerId};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

/// Longer than any test that does not wait for it.
const LONG: Duration = Duration::from_secs(60);

async fn server(resume_timeout: Duration) -> RunningServer {
    start(Config {
        resume_timeout,
        queue_ping_interval: LONG,
        queue_silence_timeout: 2 * LONG,
        ..local_config()
    })
    .await
}

/// A client with extensions.
struct Member {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    id: PeerId,
    session: Value,
}

impl Member {
    /// Joins a room, given as path and query, and reads the first two messages.
    async fn join(server: &RunningServer, room: &str) -> Self {
        Self::new(connect(server.addr, room).await.unwrap()).await
    }

    async fn new(mut socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        let JsonPeerEvent::IdAssigned(id) = text(&mut socket).await.parse().unwrap() else {
            panic!("the first event must be IdAssigned");
        };
        let session: Value = serde_json::from_str(&text(&mut socket).await).unwrap();
        let session = session["Session"].clone();
        assert!(session.is_object(), "the second message is the session");
        Self {
            socket,
            id,
            session,
        }
    }

    fn secret(&self) -> &str {
        self.session["resume"].as_str().unwrap()
    }

    /// Breaks the connection without a close frame. Returns the secret.
    fn lose(self) -> (PeerId, String) {
        (self.id, self.secret().to_owned())
    }

    async fn expect(&mut self, message: Value) {
        let received: Value = serde_json::from_str(&text(&mut self.socket).await).unwrap();
        assert_eq!(received, message);
    }

    async fn send(&mut self, message: Value) {
        let message = Message::text(message.to_string());
        self.socket.send(message).await.unwrap();
    }

    async fn signal(&mut self, receiver: PeerId, data: &str) {
        let data = json!(data);
        let request = JsonPeerRequest::Signal { receiver, data };
        self.send(serde_json::to_value(request).unwrap()).await;
    }

    /// Ignores all messages before the answer to a keep-alive.
    async fn expect_keep_alive(&mut self) {
        while text(&mut self.socket).await != "\"KeepAlive\"" {}
    }

    async fn expect_nothing(&mut self) {
        self.send(json!("KeepAlive")).await;
        self.expect(json!("KeepAlive")).await;
    }
}

async fn text(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> String {
    loop {
        match next(socket).await {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("expected a text, got {other:?}"),
        }
    }
}

fn resume(secret: &str) -> String {
    format!("/room?huddle=1&resume={secret}")
}

const ROOM: &str = "/room?huddle=1";

#[tokio::test]
async fn lost_member_returns_with_its_id_and_the_member_list() {
    let server = server(LONG).await;
    let mut a = Member::join(&server, ROOM).await;
    assert_eq!(a.session["timeout_ms"], 60_000);
    assert_eq!(a.session["spread_ms"], 4000);
    assert!(a.session.get("members").is_none());
    let mut stock = Client::join(server.addr, "/room").await;
    a.expect(json!({ "NewPeer": stock.id })).await;
    let b = Member::join(&server, ROOM).await;
    a.expect(json!({ "NewPeer": b.id })).await;
    stock.event().await;

    let (id, secret) = b.lose();
    a.expect(json!({ "Doubtful": id })).await;
    stock.expect_nothing().await;
    // The room changes while the member is away.
    let stock_id = stock.leave().await;
    a.expect(json!({ "PeerLeft": stock_id })).await;
    let c = Member::join(&server, ROOM).await;
    a.expect(json!({ "NewPeer": c.id })).await;
    a.signal(id, "lost").await;
    a.expect_nothing().await;

    let mut b = Member::join(&server, &resume(&secret)).await;
    assert_eq!(b.id, id);
    assert_ne!(b.secret(), secret);
    assert_eq!(b.session["members"], json!([a.id, c.id]));
    a.expect(json!({ "Resumed": id })).await;
    a.signal(id, "hi").await;
    b.expect(json!({ "Signal": { "sender": a.id, "data": "hi" } }))
        .await;
    b.signal(a.id, "hello").await;
    a.expect(json!({ "Signal": { "sender": id, "data": "hello" } }))
        .await;
}

#[tokio::test]
async fn newcomer_learns_which_members_are_doubtful() {
    let server = server(LONG).await;
    let mut a = Member::join(&server, ROOM).await;
    let b = Member::join(&server, ROOM).await;
    a.expect(json!({ "NewPeer": b.id })).await;
    let (id, _) = b.lose();
    a.expect(json!({ "Doubtful": id })).await;
    let mut c = Member::join(&server, ROOM).await;
    c.expect(json!({ "Members": [a.id, id] })).await;
    c.expect(json!({ "Doubtful": id })).await;
}

#[tokio::test]
async fn every_member_receives_peer_left_after_the_timeout() {
    const SHORT: Duration = Duration::from_millis(700);
    let server = server(SHORT).await;
    let mut a = Member::join(&server, ROOM).await;
    let mut stock = Client::join(server.addr, "/room").await;
    a.expect(json!({ "NewPeer": stock.id })).await;
    let b = Member::join(&server, ROOM).await;
    a.expect(json!({ "NewPeer": b.id })).await;
    stock.event().await;
    let lost = Instant::now();
    let (id, secret) = b.lose();
    a.expect(json!({ "Doubtful": id })).await;
    a.expect(json!({ "PeerLeft": id })).await;
    assert!(lost.elapsed() >= SHORT, "{:?}", lost.elapsed());
    stock.expect_peer_left(id).await;

    // The secret is late.
    let late = Member::join(&server, &resume(&secret)).await;
    assert_ne!(late.id, id);
    assert!(late.session.get("members").is_none());
    a.expect(json!({ "NewPeer": late.id })).await;
}

#[tokio::test]
async fn close_frame_of_a_client_ends_its_place() {
    let server = server(LONG).await;
    let mut a = Member::join(&server, ROOM).await;
    for code in [CloseCode::Normal, CloseCode::Away, CloseCode::Library(4000)] {
        let mut b = Member::join(&server, ROOM).await;
        a.expect(json!({ "NewPeer": b.id })).await;
        let reason = "".into();
        b.socket
            .close(Some(CloseFrame { code, reason }))
            .await
            .unwrap();
        a.expect(json!({ "PeerLeft": b.id })).await;
    }
}

#[tokio::test]
async fn client_that_violates_a_limit_loses_its_place() {
    let server = start(Config {
        resume_timeout: LONG,
        max_invalid_messages: 0,
        ..local_config()
    })
    .await;
    let mut a = Member::join(&server, ROOM).await;
    let mut b = Member::join(&server, ROOM).await;
    a.expect(json!({ "NewPeer": b.id })).await;
    b.send(json!("nonsense")).await;
    a.expect(json!({ "PeerLeft": b.id })).await;
}

#[tokio::test]
async fn stock_client_keeps_no_place() {
    let server = server(LONG).await;
    let mut a = Member::join(&server, ROOM).await;
    let stock = Client::join(server.addr, "/room").await;
    let id = stock.id;
    a.expect(json!({ "NewPeer": id })).await;
    drop(stock);
    a.expect(json!({ "PeerLeft": id })).await;
}

#[tokio::test]
async fn new_connection_replaces_one_whose_loss_was_not_noticed() {
    let server = server(LONG).await;
    let mut a = Member::join(&server, ROOM).await;
    let mut old = Member::join(&server, ROOM).await;
    a.expect(json!({ "NewPeer": old.id })).await;
    let mut b = Member::join(&server, &resume(old.secret())).await;
    assert_eq!(b.id, old.id);
    a.expect(json!({ "Resumed": b.id })).await;
    assert_eq!(closed(&mut old.socket).await.0, close_code::NORMAL);
    drop(old);
    // The end of the old connection does not end the membership.
    a.expect_nothing().await;
    a.signal(b.id, "hi").await;
    b.expect(json!({ "Signal": { "sender": a.id, "data": "hi" } }))
        .await;
}

#[tokio::test]
async fn secret_works_once_and_only_in_its_room() {
    let server = server(LONG).await;
    let (id, secret) = Member::join(&server, ROOM).await.lose();
    let other_room = format!("/other?huddle=1&resume={secret}");
    assert_ne!(Member::join(&server, &other_room).await.id, id);
    // A stock client cannot take a place.
    let stock = format!("/room?resume={secret}");
    assert_ne!(Client::join(server.addr, &stock).await.id, id);
    // The client may lose a connection before it receives the new secret.
    for _ in 0..2 {
        let unheard = Member::join(&server, &resume(&secret)).await;
        assert_eq!(unheard.id, id);
    }
    let mut resumed = Member::join(&server, &resume(&secret)).await;
    assert_eq!(resumed.id, id);
    resumed.send(json!("KeepAlive")).await;
    resumed.expect_keep_alive().await;
    for secret in [&secret, "", "unknown", "00000000000000000000000000000000"] {
        let joined = Member::join(&server, &resume(secret)).await;
        assert_ne!(joined.id, id, "{secret:?}");
    }
}

#[tokio::test]
async fn kept_places_count_for_the_limits() {
    let server = start(Config {
        resume_timeout: LONG,
        max_room_members: 2,
        max_clients: 3,
        ..local_config()
    })
    .await;
    let mut a = Member::join(&server, ROOM).await;
    let b = Member::join(&server, ROOM).await;
    a.expect(json!({ "NewPeer": b.id })).await;
    let (id, secret) = b.lose();
    a.expect(json!({ "Doubtful": id })).await;
    let mut refused = connect(server.addr, ROOM).await.unwrap();
    assert_eq!(closed(&mut refused).await.0, close_code::FULL);
    let _c = Member::join(&server, "/other?huddle=1").await;
    let mut refused = connect(server.addr, "/third?huddle=1").await.unwrap();
    assert_eq!(closed(&mut refused).await.0, close_code::FULL);
    // A full server and a full room still have the place.
    assert_eq!(Member::join(&server, &resume(&secret)).await.id, id);
}

#[tokio::test]
async fn kept_places_count_for_their_address() {
    let server = start(Config {
        resume_timeout: LONG,
        max_clients_per_address: 2,
        ..open_config()
    })
    .await;
    let connect = |room: String| async move {
        let socket = connect_from(loopback(2), server.addr, &room, &[]).await;
        socket.unwrap()
    };
    let mut a = Member::new(connect(ROOM.to_owned()).await).await;
    let b = Member::new(connect(ROOM.to_owned()).await).await;
    a.expect(json!({ "NewPeer": b.id })).await;
    let (id, secret) = b.lose();
    a.expect(json!({ "Doubtful": id })).await;
    for refused in [
        ROOM.to_owned(),
        resume("unknown"),
        format!("/other?huddle=1&resume={secret}"),
    ] {
        let mut socket = connect(refused).await;
        let (code, reason) = closed(&mut socket).await;
        assert_eq!(code, close_code::FULL);
        assert!(reason.contains("at most 2"), "{reason}");
    }
    // The member itself may return, whether or not the server has noticed its loss.
    let b = Member::new(connect(resume(&secret)).await).await;
    assert_eq!(b.id, id);
    let again = Member::new(connect(resume(b.secret())).await).await;
    assert_eq!(again.id, id);
    for _ in 0..2 {
        a.expect(json!({ "Resumed": id })).await;
    }
    // Each end frees its place, and nothing remains.
    let (_, secret) = again.lose();
    a.expect(json!({ "Doubtful": id })).await;
    let mut b = Member::new(connect(resume(&secret)).await).await;
    a.expect(json!({ "Resumed": id })).await;
    b.socket.close(None).await.unwrap();
    a.expect(json!({ "PeerLeft": id })).await;
    let joined = async {
        loop {
            let mut socket = connect(ROOM.to_owned()).await;
            if next(&mut socket).await.is_text() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(TIMEOUT, joined).await.unwrap();
}

#[tokio::test]
async fn client_in_a_queue_keeps_no_place() {
    const QUEUE: &str = "/room?next=3&huddle=1";
    let server = server(LONG).await;
    let mut a = Member::join(&server, QUEUE).await;
    a.expect(json!({ "Group": "Waiting" })).await;
    let b = Member::join(&server, QUEUE).await;
    a.expect(json!({ "NewPeer": b.id })).await;
    let (id, secret) = b.lose();
    a.expect(json!({ "PeerLeft": id })).await;

    // A player whose loss was not noticed does not meet itself.
    let again = format!("{QUEUE}&resume={secret}");
    let b = Member::join(&server, &again).await;
    assert_ne!(b.id, id);
    a.expect(json!({ "NewPeer": b.id })).await;
    let again = format!("{QUEUE}&resume={}", b.secret());
    let c = Member::join(&server, &again).await;
    a.expect(json!({ "PeerLeft": b.id })).await;
    a.expect(json!({ "NewPeer": c.id })).await;
}

#[tokio::test]
async fn silent_client_keeps_its_place() {
    let server = start(Config {
        resume_timeout: LONG,
        ping_interval: Duration::from_millis(50),
        silence_timeout: Duration::from_millis(300),
        ..local_config()
    })
    .await;
    let a = Member::join(&server, ROOM).await;
    let silent = Member::join(&server, ROOM).await;
    // Reading answers the server's pings. Only `a` reads.
    let (_sink, mut stream) = a.socket.split();
    let doubtful = json!({ "Doubtful": silent.id }).to_string();
    let receive =
        async { while stream.next().await.unwrap().unwrap() != Message::text(doubtful.clone()) {} };
    timeout(TIMEOUT, receive).await.unwrap();
    let back = Member::join(&server, &resume(silent.secret())).await;
    assert_eq!(back.id, silent.id);
}

#[tokio::test]
async fn draining_server_ends_the_places_of_lost_members() {
    let server = start(Config {
        resume_timeout: LONG,
        drain: LONG,
        ..local_config()
    })
    .await;
    let mut a = Member::join(&server, ROOM).await;
    let b = Member::join(&server, ROOM).await;
    a.expect(json!({ "NewPeer": b.id })).await;
    let (id, _) = b.lose();
    a.expect(json!({ "Doubtful": id })).await;
    server.stop.send(()).unwrap();
    a.expect(json!({ "PeerLeft": id })).await;
}

#[tokio::test]
async fn shutdown_does_not_wait_for_lost_members() {
    let server = server(LONG).await;
    let mut a = Member::join(&server, ROOM).await;
    let b = Member::join(&server, ROOM).await;
    a.expect(json!({ "NewPeer": b.id })).await;
    let (id, _) = b.lose();
    a.expect(json!({ "Doubtful": id })).await;
    server.stop.send(()).unwrap();
    assert_eq!(closed(&mut a.socket).await.0, close_code::GOING_AWAY);
    timeout(TIMEOUT, server.ended).await.unwrap().unwrap();
}

/// The connections of a whole school break at once, shortly after its clients have joined.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_clients_of_an_address_return_after_an_outage() {
    let config = Config {
        resume_timeout: LONG,
        joins_per_second: 32,
        ..open_config()
    };
    let max = config.max_clients_per_address;
    let server = start(config).await;
    let mut lost = Vec::new();
    for _ in 0..max {
        lost.push(Member::join(&server, ROOM).await.lose());
    }
    let addr = server.addr;
    let mut returning = JoinSet::new();
    for (id, secret) in lost {
        returning.spawn(async move {
            loop {
                // The server refuses a client whose address joins too often, and drops a connection
                // whose address opens too many at once.
                if let Ok(mut socket) = connect(addr, &resume(&secret)).await
                    && let Message::Text(text) = next(&mut socket).await
                {
                    let event: JsonPeerEvent = text.parse().unwrap();
                    assert_eq!(event, JsonPeerEvent::IdAssigned(id));
                    return socket;
                }
                sleep(Duration::from_millis(200)).await;
            }
        });
    }
    let sockets = timeout(2 * TIMEOUT, returning.join_all()).await.unwrap();
    assert_eq!(sockets.len(), max);
    let refused = refused(addr, "/room").await;
    assert_eq!(refused.status, 429);
}
