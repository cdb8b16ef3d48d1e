//! Groups of clients that understand our extensions: `?next=N&huddle=1`.

mod common;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use common::{Client, PATIENCE, Running, closed, connect, local, next, start};
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

async fn server() -> Running {
    start(Config {
        queue_ping_interval: Duration::from_millis(300),
        queue_silence_timeout: SILENCE,
        link_timeout: LINK,
        ..local()
    })
    .await
}

/// What a player does besides answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Play {
    /// Links with everybody.
    Links,
    /// Answers and never links.
    Answers,
}

/// A player that ends when its group is linked.
struct Player {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    id: PeerId,
    play: Play,
    mates: BTreeSet<PeerId>,
    /// Everything that the server said of its group.
    stages: Vec<Value>,
}

impl Player {
    async fn join(server: &Running, room: &str, play: Play) -> Self {
        let mut socket = connect(server.addr, room).await.unwrap();
        let text = next(&mut socket).await;
        let JsonPeerEvent::IdAssigned(id) = text.to_text().unwrap().parse().unwrap() else {
            panic!("the first event must be IdAssigned");
        };
        Self {
            socket,
            id,
            play,
            mates: BTreeSet::new(),
            stages: Vec::new(),
        }
    }

    /// Plays until the server says that the group is linked.
    async fn linked(mut self) -> Self {
        let linked = async {
            while !self.is_linked() {
                self.step().await;
            }
        };
        timeout(4 * PATIENCE, linked).await.expect("never linked");
        self
    }

    fn is_linked(&self) -> bool {
        let stage = self.stages.last();
        stage.is_some_and(|stage| stage.get("Linked").is_some())
    }

    fn plays(mut self) -> JoinHandle<()> {
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
        // Whoever was there before makes an offer.
        if value.get("Members").is_some() {
            return;
        }
        match text.parse().unwrap() {
            JsonPeerEvent::NewPeer(peer) => {
                assert!(self.mates.insert(peer));
                // An offer, by which the other one knows this player.
                if self.play == Play::Links {
                    self.signal(peer).await;
                }
            }
            JsonPeerEvent::Signal { sender, .. } => {
                if self.mates.insert(sender) && self.play == Play::Links {
                    self.signal(sender).await;
                }
            }
            JsonPeerEvent::PeerLeft(peer) => drop(self.mates.remove(&peer)),
            other @ JsonPeerEvent::IdAssigned(_) => panic!("unexpected {other:?}"),
        }
        self.report().await;
    }

    async fn report(&mut self) {
        let links = match self.play {
            Play::Links => self.mates.iter().copied().collect(),
            Play::Answers => Vec::new(),
        };
        self.say(json!({ "Linked": links }).to_string()).await;
    }

    async fn signal(&mut self, receiver: PeerId) {
        let data = json!("an offer or an answer");
        self.say(JsonPeerRequest::Signal { receiver, data }.to_string())
            .await;
    }

    async fn say(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    fn group_id(&self) -> &str {
        let linked = self.stages.last().and_then(|stage| stage.get("Linked"));
        linked.and_then(Value::as_str).unwrap()
    }
}

#[tokio::test]
async fn players_who_link_are_told_the_room_of_their_group() {
    let server = server().await;
    let a = Player::join(&server, QUEUE, Play::Links).await;
    let a = tokio::spawn(a.linked());
    let b = Player::join(&server, QUEUE, Play::Links).await;
    let (b, a) = (b.linked().await, a.await.unwrap());
    assert_eq!(a.group_id(), b.group_id());
    assert_eq!(a.stages[0], "Waiting");
    assert_eq!(b.stages[0]["Full"], a.group_id());

    // Whoever loses the connection comes back to that room; the queue is for others.
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
async fn a_player_that_lost_its_websocket_before_the_news_is_put_into_its_linked_group() {
    let server = server().await;
    let a = Player::join(&server, QUEUE, Play::Links).await;
    let a = tokio::spawn(a.linked());
    let b = Player::join(&server, QUEUE, Play::Links).await;
    let (b, a) = (b.linked().await, a.await.unwrap());
    let back = format!("{QUEUE}&group={}", a.group_id());
    drop(a);
    let a = Player::join(&server, &back, Play::Links).await;
    let a = a.linked().await;
    assert_eq!(a.group_id(), b.group_id());
}

#[tokio::test]
async fn a_waiter_that_does_not_answer_is_dropped_and_the_next_two_play() {
    let server = server().await;
    let mut frozen = Player::join(&server, QUEUE, Play::Links).await;
    let started = Instant::now();
    let b = Player::join(&server, QUEUE, Play::Links).await;
    let b = tokio::spawn(b.linked());
    let c = Player::join(&server, QUEUE, Play::Links).await;
    let (c, b) = (c.linked().await, b.await.unwrap());
    assert_eq!(c.group_id(), b.group_id());
    assert!(started.elapsed() < SILENCE + Duration::from_secs(1));
    assert!(!b.mates.contains(&frozen.id));

    let (code, reason) = closed(&mut frozen.socket).await;
    assert_eq!(code, close_code::STOPPED);
    assert!(reason.contains("join again"), "{reason}");
}

/// A browser answers pings of a page that is frozen.
#[tokio::test]
async fn answers_of_the_websocket_alone_are_no_sign_of_life() {
    let server = server().await;
    let mut frozen = Player::join(&server, QUEUE, Play::Links).await;
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
async fn a_waiter_that_answers_and_never_links_is_passed_over() {
    let server = server().await;
    let ghost = Player::join(&server, QUEUE, Play::Answers).await;
    let ghost_id = ghost.id;
    let ghost = ghost.plays();
    let started = Instant::now();
    let b = Player::join(&server, QUEUE, Play::Links).await;
    let b = tokio::spawn(b.linked());
    let c = Player::join(&server, QUEUE, Play::Links).await;
    let (c, b) = (c.linked().await, b.await.unwrap());
    assert_eq!(c.group_id(), b.group_id());
    assert!(started.elapsed() >= LINK);
    assert!(started.elapsed() < LINK + Duration::from_secs(2));
    for player in [&b, &c] {
        assert!(!player.mates.contains(&ghost_id));
    }
    assert!(!ghost.is_finished(), "it may still be linked with others");
    ghost.abort();
}

#[tokio::test]
async fn members_go_back_together_ahead_of_later_players() {
    const QUEUE: &str = "/room?next=3&huddle=1";
    let server = server().await;
    let a = Player::join(&server, QUEUE, Play::Links).await;
    let b = Player::join(&server, QUEUE, Play::Links).await;
    let ids = BTreeSet::from([a.id, b.id]);
    let (a, b) = (tokio::spawn(a.linked()), tokio::spawn(b.linked()));
    let frozen = Player::join(&server, QUEUE, Play::Links).await;
    let d = Player::join(&server, QUEUE, Play::Links).await;
    let d = tokio::spawn(d.linked());
    let e = Player::join(&server, QUEUE, Play::Links).await;
    let e_id = e.id;
    let e = e.plays();
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
async fn a_stock_client_hears_nothing_of_groups_and_is_not_asked() {
    let server = server().await;
    let mut stock = Client::join(server.addr, "/room?next=2").await;
    sleep(SILENCE + LINK).await;
    let mut ours = Player::join(&server, QUEUE, Play::Links).await;
    ours.mates.insert(stock.id);
    ours.report().await;
    assert_eq!(stock.event().await, JsonPeerEvent::NewPeer(ours.id));
    stock.expect_nothing().await;
    // Ours alone can tell that the two are linked.
    let ours = ours.linked().await;
    stock.expect_nothing().await;
    assert_eq!(ours.stages.len(), 2);
}

#[tokio::test]
async fn reports_mean_nothing_where_nobody_asked_for_them() {
    let server = start(Config {
        max_invalid_messages: 1,
        ..local()
    })
    .await;
    // To a client that speaks matchbox's protocol it is an invalid message like any other.
    let mut stock = Client::join(server.addr, "/room?next=2").await;
    for _ in 0..2 {
        stock.send(r#"{"Linked":[]}"#).await;
    }
    assert_eq!(stock.closed().await.0, close_code::POLICY_VIOLATION);
    // One of ours may be a moment behind.
    let mut ours = Client::join(server.addr, "/room?huddle=1").await;
    for _ in 0..4 {
        ours.send(r#"{"Linked":[]}"#).await;
    }
    ours.expect_nothing().await;
}
