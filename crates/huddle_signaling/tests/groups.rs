//! Groups of clients with extensions: `?next=N&huddle=1`.

mod common;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use common::{Client, RunningServer, TIMEOUT, closed, connect, local_config, next, start};
use futures_util::SinkExt;
use huddle_signaling::{Config, close_code};
use matchbox_protocol::{JsonPeerEvent, JsonPeerRequest, PeerId};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

const QUEUE: &str = "/room?next=2&huddle=1";
const SILENCE: Duration = Duration::from_millis(800);
const LINK: Duration = Duration::from_millis(1500);

async fn server() -> RunningServer {
    start(Config {
        queue_ping_interval: Duration::from_millis(300),
        queue_silence_timeout: SILENCE,
        link_timeout: LINK,
        ..local_config()
    })
    .await
}

/// The behavior of a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behavior {
    /// Links with every member.
    Links,
    /// Answers the server and never links.
    Answers,
}

/// A client with extensions that reports its links.
struct Player {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    id: PeerId,
    behavior: Behavior,
    mates: BTreeSet<PeerId>,
    /// The group messages from the server.
    stages: Vec<Value>,
}

impl Player {
    async fn join(server: &RunningServer, room: &str, behavior: Behavior) -> Self {
        let mut socket = connect(server.addr, room).await.unwrap();
        let text = next(&mut socket).await;
        let JsonPeerEvent::IdAssigned(id) = text.to_text().unwrap().parse().unwrap() else {
            panic!("the first event must be IdAssigned");
        };
        Self {
            socket,
            id,
            behavior,
            mates: BTreeSet::new(),
            stages: Vec::new(),
        }
    }

    /// Runs the player until the server reports that its group is linked.
    async fn linked(mut self) -> Self {
        let linked = async {
            while !self.is_linked() {
                self.step().await;
            }
        };
        timeout(4 * TIMEOUT, linked).await.expect("never linked");
        self
    }

    fn is_linked(&self) -> bool {
        let stage = self.stages.last();
        stage.is_some_and(|stage| stage.get("Linked").is_some())
    }

    /// Runs the player until the task is aborted.
    fn run(mut self) -> JoinHandle<()> {
        tokio::spawn(async move {
            loop {
                self.step().await;
            }
        })
    }

    async fn step(&mut self) {
        let Message::Text(text) = next(&mut self.socket).await else {
            return;
        };
        let value: Value = serde_json::from_str(&text).unwrap();
        if let Some(stage) = value.get("Group") {
            self.stages.push(stage.clone());
            return self.report().await;
        }
        // Each listed member makes an offer, so the player learns about it anyway.
        if value.get("Members").is_some() {
            return;
        }
        match text.parse().unwrap() {
            JsonPeerEvent::NewPeer(peer) => {
                assert!(self.mates.insert(peer));
                // An offer. The receiver learns about this player from it.
                if self.behavior == Behavior::Links {
                    self.signal(peer).await;
                }
            }
            JsonPeerEvent::Signal { sender, .. } => {
                if self.mates.insert(sender) && self.behavior == Behavior::Links {
                    self.signal(sender).await;
                }
            }
            JsonPeerEvent::PeerLeft(peer) => drop(self.mates.remove(&peer)),
            other @ JsonPeerEvent::IdAssigned(_) => panic!("unexpected {other:?}"),
        }
        self.report().await;
    }

    async fn report(&mut self) {
        let links = match self.behavior {
            Behavior::Links => self.mates.iter().copied().collect(),
            Behavior::Answers => Vec::new(),
        };
        self.send(json!({ "Linked": links }).to_string()).await;
    }

    async fn signal(&mut self, receiver: PeerId) {
        let data = json!("an offer or an answer");
        self.send(JsonPeerRequest::Signal { receiver, data }.to_string())
            .await;
    }

    async fn send(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    fn group_id(&self) -> &str {
        let linked = self.stages.last().and_then(|stage| stage.get("Linked"));
        linked.and_then(Value::as_str).unwrap()
    }
}

#[tokio::test]
async fn linked_players_receive_the_room_of_their_group() {
    let server = server().await;
    let a = Player::join(&server, QUEUE, Behavior::Links).await;
    let a = tokio::spawn(a.linked());
    let b = Player::join(&server, QUEUE, Behavior::Links).await;
    let (b, a) = (b.linked().await, a.await.unwrap());
    assert_eq!(a.group_id(), b.group_id());
    assert_eq!(a.stages[0], "Waiting");
    assert_eq!(b.stages[0]["Full"], a.group_id());

    // A player that loses its connection returns to that room. The queue takes other players.
    let back = format!("/{}?huddle=1", a.group_id());
    let (a_id, mut b) = (a.id, b);
    drop(a);
    let left = next(&mut b.socket).await;
    assert_eq!(
        left.to_text().unwrap(),
        JsonPeerEvent::PeerLeft(a_id).to_string()
    );
    let stranger = Client::join(server.addr, "/room?next=2").await;
    let a = Client::join(server.addr, &back).await;
    let new = next(&mut b.socket).await;
    assert_eq!(
        new.to_text().unwrap(),
        JsonPeerEvent::NewPeer(a.id).to_string()
    );
    drop(stranger);
}

#[tokio::test]
async fn player_that_lost_its_websocket_early_returns_to_its_linked_group() {
    let server = server().await;
    let a = Player::join(&server, QUEUE, Behavior::Links).await;
    let a = tokio::spawn(a.linked());
    let b = Player::join(&server, QUEUE, Behavior::Links).await;
    let (b, a) = (b.linked().await, a.await.unwrap());
    let back = format!("{QUEUE}&group={}", a.group_id());
    drop(a);
    let a = Player::join(&server, &back, Behavior::Links).await;
    let a = a.linked().await;
    assert_eq!(a.group_id(), b.group_id());
}

#[tokio::test]
async fn waiting_player_that_does_not_answer_is_dropped() {
    let server = server().await;
    let mut frozen = Player::join(&server, QUEUE, Behavior::Links).await;
    let started = Instant::now();
    let b = Player::join(&server, QUEUE, Behavior::Links).await;
    let b = tokio::spawn(b.linked());
    let c = Player::join(&server, QUEUE, Behavior::Links).await;
    let (c, b) = (c.linked().await, b.await.unwrap());
    assert_eq!(c.group_id(), b.group_id());
    assert!(started.elapsed() < SILENCE + Duration::from_secs(1));
    assert!(!b.mates.contains(&frozen.id));

    let (code, reason) = closed(&mut frozen.socket).await;
    assert_eq!(code, close_code::STOPPED);
    assert!(reason.contains("join again"), "{reason}");
}

/// A browser answers pings even while its page is frozen.
#[tokio::test]
async fn pongs_do_not_count_as_answers() {
    let server = server().await;
    let mut frozen = Player::join(&server, QUEUE, Behavior::Links).await;
    for _ in 0..12 {
        sleep(SILENCE / 10).await;
        let pong = Message::Pong(Default::default());
        if frozen.socket.send(pong).await.is_err() {
            break;
        }
    }
    assert_eq!(closed(&mut frozen.socket).await.0, close_code::STOPPED);
}

#[tokio::test]
async fn waiting_player_that_never_links_is_skipped() {
    let server = server().await;
    let unlinked = Player::join(&server, QUEUE, Behavior::Answers).await;
    let unlinked_id = unlinked.id;
    let unlinked = unlinked.run();
    let started = Instant::now();
    let b = Player::join(&server, QUEUE, Behavior::Links).await;
    let b = tokio::spawn(b.linked());
    let c = Player::join(&server, QUEUE, Behavior::Links).await;
    let (c, b) = (c.linked().await, b.await.unwrap());
    assert_eq!(c.group_id(), b.group_id());
    assert!(started.elapsed() >= LINK);
    assert!(started.elapsed() < LINK + Duration::from_secs(2));
    for player in [&b, &c] {
        assert!(!player.mates.contains(&unlinked_id));
    }
    assert!(!unlinked.is_finished(), "it still waits");
    unlinked.abort();
}

#[tokio::test]
async fn remaining_members_return_together_ahead_of_later_players() {
    const QUEUE: &str = "/room?next=3&huddle=1";
    let server = server().await;
    let a = Player::join(&server, QUEUE, Behavior::Links).await;
    let b = Player::join(&server, QUEUE, Behavior::Links).await;
    let ids = BTreeSet::from([a.id, b.id]);
    let (a, b) = (tokio::spawn(a.linked()), tokio::spawn(b.linked()));
    let frozen = Player::join(&server, QUEUE, Behavior::Links).await;
    let d = Player::join(&server, QUEUE, Behavior::Links).await;
    let d = tokio::spawn(d.linked());
    let e = Player::join(&server, QUEUE, Behavior::Links).await;
    let e_id = e.id;
    let e = e.run();
    let (a, b, d) = (a.await.unwrap(), b.await.unwrap(), d.await.unwrap());
    assert_eq!(d.mates, ids);
    for player in [&a, &b, &d] {
        assert_eq!(player.group_id(), a.group_id());
        assert!(!player.mates.contains(&e_id));
    }
    e.abort();
    drop(frozen);
}

#[tokio::test]
async fn stock_client_receives_no_group_messages() {
    let server = server().await;
    let mut stock = Client::join(server.addr, "/room?next=2").await;
    sleep(SILENCE + LINK).await;
    let mut extended = Player::join(&server, QUEUE, Behavior::Links).await;
    extended.mates.insert(stock.id);
    extended.report().await;
    assert_eq!(stock.event().await, JsonPeerEvent::NewPeer(extended.id));
    stock.expect_nothing().await;
    // Only the client with extensions can report the link.
    let extended = extended.linked().await;
    stock.expect_nothing().await;
    assert_eq!(extended.stages.len(), 2);
}

#[tokio::test]
async fn unrequested_link_reports_are_ignored() {
    let server = start(Config {
        max_invalid_messages: 1,
        ..local_config()
    })
    .await;
    // From a stock client, a report is an invalid message.
    let mut stock = Client::join(server.addr, "/room?next=2").await;
    for _ in 0..2 {
        stock.send(r#"{"Linked":[]}"#).await;
    }
    assert_eq!(stock.closed().await.0, close_code::POLICY_VIOLATION);
    // A client with extensions may send a report that crosses the final group message.
    let mut extended = Client::join(server.addr, "/room?huddle=1").await;
    for _ in 0..4 {
        extended.send(r#"{"Linked":[]}"#).await;
    }
    extended.expect_nothing().await;
}
