//! The settings of rooms, and the list of rooms.

mod common;

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    time::{Duration, Instant, SystemTime},
};

use common::{
    Client, TIMEOUT,
    attack::{Scene, open_config},
    closed, connect, get, get_on, local_config, next_of_all, refused,
    sources::{join_from, loopback, tcp_from},
    start,
};
use futures_util::SinkExt;
use huddle_signaling::{Claims, Config, Secret, SigningKey, TokenKey, close_code};
use matchbox_protocol::{JsonPeerEvent, PeerId};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// A client with extensions.
struct Member {
    id: PeerId,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Member {
    /// Joins a room, given as path and query.
    async fn join(addr: SocketAddr, room: &str) -> Self {
        let joint = if room.contains('?') { '&' } else { '?' };
        let url = format!("{room}{joint}huddle=1");
        let mut socket = connect(addr, &url).await.unwrap();
        let first = next_of_all(&mut socket).await;
        let JsonPeerEvent::IdAssigned(id) = first.to_text().unwrap().parse().unwrap() else {
            panic!("the first event must be IdAssigned, not {first}");
        };
        Self { id, socket }
    }

    async fn send(&mut self, message: Value) {
        let message = Message::text(message.to_string());
        self.socket.send(message).await.unwrap();
    }

    /// Requests a change of the settings.
    async fn change(&mut self, settings: Value) {
        self.send(json!({ "Room": settings })).await;
    }

    /// Returns the value of the next message of this kind, and ignores all others.
    async fn next(&mut self, kind: &str) -> Value {
        loop {
            let message = next_of_all(&mut self.socket).await;
            let text = message.to_text().unwrap_or_default();
            let Ok(value) = serde_json::from_str::<Value>(text) else {
                continue;
            };
            if let Some(value) = value.get(kind) {
                return value.clone();
            }
        }
    }

    /// Returns the next settings.
    async fn room(&mut self) -> Value {
        self.next("Room").await
    }

    /// Ignores all messages before the answer to a keep-alive.
    async fn expect_keep_alive(&mut self) {
        self.send(json!("KeepAlive")).await;
        while next_of_all(&mut self.socket).await != Message::text("\"KeepAlive\"") {}
    }

    /// Checks that the server has sent no settings.
    async fn expect_no_room(&mut self) {
        self.send(json!("KeepAlive")).await;
        loop {
            let message = next_of_all(&mut self.socket).await;
            let text = message.to_text().unwrap();
            assert!(!text.contains("Room"), "{text}");
            if text == "\"KeepAlive\"" {
                return;
            }
        }
    }
}

async fn list(addr: SocketAddr, query: &str) -> Value {
    let response = get(addr, &format!("/rooms{query}"), "").await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.header("content-type"), Some("application/json"));
    serde_json::from_slice(&response.body).unwrap()
}

/// Waits until the list is the expected one.
async fn expect_list(addr: SocketAddr, query: &str, expected: Value) {
    let started = Instant::now();
    loop {
        let found = list(addr, query).await;
        if found == expected {
            return;
        }
        assert!(started.elapsed() < TIMEOUT, "{found} is not {expected}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn listing(name: &str, players: usize, capacity: usize, metadata: &str) -> Value {
    json!({"name": name, "players": players, "capacity": capacity, "metadata": metadata})
}

fn all(rooms: &[Value]) -> Value {
    json!({"rooms": rooms, "next": null})
}

#[tokio::test]
async fn rooms_are_listed_only_if_requested() {
    let server = start(local_config()).await;
    let addr = server.addr;
    let _hidden = Member::join(addr, "/hidden").await;
    let _not_listed = Member::join(addr, "/zero?listed=0&metadata=x").await;
    let _queue = Client::join(addr, "/queue?next=2&listed=1&capacity=1").await;
    let mut keeper = Member::join(addr, "/shown?listed=1&capacity=4&metadata=dust+2").await;
    // Stock clients can list rooms, too, and a room can be named like the list.
    let stock = Client::join(addr, "/rooms?listed=1").await;
    let _game = Member::join(addr, "/duel/arena?listed=1").await;
    let rooms = |players| {
        [
            listing("rooms", 1, 64, ""),
            listing("shown", players, 4, "dust 2"),
        ]
    };
    expect_list(addr, "", all(&rooms(1))).await;
    let arena = listing("arena", 1, 64, "");
    expect_list(addr, "?app=duel", all(&[arena])).await;
    expect_list(addr, "?app=other", all(&[])).await;

    // The second client does not create the room, so its settings have no effect.
    let member = Member::join(addr, "/shown?listed=0&capacity=2&metadata=ice").await;
    expect_list(addr, "", all(&rooms(2))).await;
    drop((member, stock));
    expect_list(addr, "", all(&rooms(1)[1..])).await;
    keeper.change(json!({"listed": false})).await;
    expect_list(addr, "", all(&[])).await;
    keeper
        .change(json!({"listed": true, "metadata": "ice"}))
        .await;
    let changed = listing("shown", 1, 4, "ice");
    expect_list(addr, "", all(&[changed])).await;
    keeper.socket.close(None).await.unwrap();
    expect_list(addr, "", all(&[])).await;
}

#[tokio::test]
async fn list_has_pages() {
    let server = start(local_config()).await;
    let addr = server.addr;
    let mut keepers = Vec::new();
    for name in ["b", "a", "d", "c", "%C3%A9%2F"] {
        keepers.push(Client::join(addr, &format!("/{name}?listed=1")).await);
    }
    let room = |name: &str| listing(name, 1, 64, "");
    let rooms = ["a", "b", "c", "d", "é/"].map(room);
    expect_list(addr, "", all(&rooms)).await;
    let page = |rooms: &[Value], next: &str| json!({"rooms": rooms, "next": next});
    assert_eq!(list(addr, "?limit=2").await, page(&rooms[..2], "b"));
    assert_eq!(
        list(addr, "?limit=2&after=b").await,
        page(&rooms[2..4], "d")
    );
    assert_eq!(list(addr, "?limit=2&after=d").await, all(&rooms[4..]));
    assert_eq!(list(addr, "?after=%C3%A9%2F").await, all(&[]));
    for bad in ["limit=0", "limit=101", "limit=x", "after=%ff"] {
        let response = get(addr, &format!("/rooms?{bad}"), "").await;
        assert_eq!(response.status, 400, "{bad}");
    }
    let response = get(addr, "/rooms?limit=101", "").await;
    assert!(response.text().contains("from 1 to 100"), "{response:?}");
}

#[tokio::test]
async fn closed_room_refuses_newcomers_and_its_members_can_return() {
    let server = start(Config {
        resume_timeout: Duration::from_secs(60),
        ..local_config()
    })
    .await;
    let addr = server.addr;
    let mut keeper = Member::join(addr, "/room?listed=1").await;
    let mut member = Member::join(addr, "/room").await;
    let session = member.next("Session").await;
    let secret = session["resume"].as_str().unwrap();
    expect_list(addr, "", all(&[listing("room", 2, 64, "")])).await;
    keeper.change(json!({"open": false})).await;
    member.room().await;
    assert_eq!(member.room().await["open"], json!(false));
    expect_list(addr, "", all(&[])).await;

    let response = refused(addr, "/room").await;
    assert_eq!(response.status, 503);
    assert!(response.text().contains("closed"), "{response:?}");
    let mut newcomer = connect(addr, "/room?huddle=1").await.unwrap();
    let (code, reason) = closed(&mut newcomer).await;
    assert_eq!(code, close_code::FULL);
    assert!(reason.contains("closed"), "{reason}");

    let id = member.id;
    drop(member);
    assert_eq!(keeper.next("Doubtful").await, json!(id));
    let mut back = Member::join(addr, &format!("/room?resume={secret}")).await;
    assert_eq!(back.id, id);
    let status = back.room().await;
    assert_eq!(
        (&status["open"], &status["keeper"]),
        (&json!(false), &json!(keeper.id))
    );

    keeper.change(json!({"open": true})).await;
    assert_eq!(back.room().await["open"], json!(true));
    Member::join(addr, "/room").await;
}

#[tokio::test]
async fn next_member_becomes_the_keeper_when_the_keeper_leaves() {
    let server = start(local_config()).await;
    let mut first = Member::join(server.addr, "/room?metadata=dust").await;
    let expected = |keeper: PeerId| json!({"keeper": keeper, "open": true, "listed": false, "capacity": 64, "metadata": "dust"});
    assert_eq!(first.room().await, expected(first.id));
    let mut stock = Client::join(server.addr, "/room").await;
    let mut third = Member::join(server.addr, "/room").await;
    assert_eq!(third.room().await, expected(first.id));
    first.socket.close(None).await.unwrap();
    assert_eq!(third.next("PeerLeft").await, json!(first.id));
    assert_eq!(third.room().await, expected(stock.id));
    // A stock client cannot change the settings: the message is invalid.
    stock.send(r#"{"Room":{"open":false}}"#).await;
    stock.leave().await;
    assert_eq!(third.room().await, expected(third.id));
    third.change(json!({"metadata": "ice"})).await;
    assert_eq!(third.room().await["metadata"], json!("ice"));
}

#[tokio::test]
async fn member_that_is_not_the_keeper_changes_nothing() {
    let server = start(Config {
        max_invalid_messages: 2,
        ..local_config()
    })
    .await;
    let mut keeper = Member::join(server.addr, "/room").await;
    let status = keeper.room().await;
    let mut member = Member::join(server.addr, "/room").await;
    assert_eq!(member.room().await, status);
    let mut stock = Client::join(server.addr, "/room").await;
    // The answer shows the settings. The message is valid, because the keeper may just have changed.
    for _ in 0..5 {
        member.change(json!({"open": false, "capacity": 1})).await;
        assert_eq!(member.room().await, status);
    }
    keeper.expect_no_room().await;
    for _ in 0..2 {
        stock.send(r#"{"Room":{"open":false}}"#).await;
    }
    stock.expect_nothing().await;
    stock.send(r#"{"Room":{"open":false}}"#).await;
    assert_eq!(stock.closed().await.0, close_code::POLICY_VIOLATION);
    keeper.expect_no_room().await;
    Member::join(server.addr, "/room").await;
}

#[tokio::test]
async fn malformed_changes_are_invalid_messages() {
    let server = start(Config {
        max_invalid_messages: 4,
        ..local_config()
    })
    .await;
    let mut member = Member::join(server.addr, "/room").await;
    let status = member.room().await;
    for settings in [
        json!({"open": "no"}),
        json!({"capacity": 0}),
        json!({"capacity": 1.5}),
        json!({"metadata": "x".repeat(257)}),
    ] {
        member.change(settings).await;
    }
    member.expect_no_room().await;
    // A capacity above the maximum of the server counts as the maximum, which is the current one.
    member.change(json!({"capacity": 1000})).await;
    assert_eq!(member.room().await, status);
    // There are no settings in a queue, so the change is ignored.
    let mut queued = Member::join(server.addr, "/room?next=2").await;
    for _ in 0..8 {
        queued.change(json!({"open": false})).await;
    }
    queued.expect_no_room().await;
    member.change(json!(null)).await;
    assert_eq!(
        closed(&mut member.socket).await.0,
        close_code::POLICY_VIOLATION
    );
}

const SECRET: &str = "a shared secret of at least 32 bytes";

#[tokio::test]
async fn smallest_of_all_capacities_counts() {
    let server = start(local_config()).await;
    let mut keeper = Member::join(server.addr, "/room?capacity=2").await;
    let _second = Client::join(server.addr, "/room?capacity=9").await;
    let response = refused(server.addr, "/room").await;
    assert_eq!(response.status, 503);
    assert!(response.text().contains("2 players"), "{response:?}");
    keeper.change(json!({"capacity": 3})).await;
    let _third = Client::join(server.addr, "/room").await;
    // Members stay when the capacity shrinks.
    keeper.change(json!({"capacity": 1})).await;
    let mut socket = connect(server.addr, "/room?huddle=1").await.unwrap();
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, close_code::FULL);
    assert!(reason.contains("1 players"), "{reason}");
    keeper.expect_keep_alive().await;
}

#[tokio::test]
async fn capacity_of_a_token_still_applies() {
    let server = start(Config {
        token_keys: vec![TokenKey::Secret(Secret::new(SECRET))],
        ..local_config()
    })
    .await;
    let token = |capacity| {
        let capacity = NonZeroUsize::new(capacity).unwrap();
        let claims = Claims::new(SystemTime::now() + Duration::from_secs(60));
        let key = SigningKey::from_secret(&Secret::new(SECRET)).unwrap();
        claims.with_capacity(capacity).sign(&key).unwrap()
    };
    let [two, eight] = [2, 8].map(token);
    let _first = Client::join(server.addr, &format!("/room?capacity=3&token={two}")).await;
    let _second = Client::join(server.addr, &format!("/room?token={eight}")).await;
    let response = refused(server.addr, &format!("/room?token={two}")).await;
    assert!(response.text().contains("2 players"), "{response:?}");
    let _third = Client::join(server.addr, &format!("/room?token={eight}")).await;
    let response = refused(server.addr, &format!("/room?token={eight}")).await;
    assert!(response.text().contains("3 players"), "{response:?}");
}

#[tokio::test]
async fn bad_settings_are_refused_with_the_allowed_range() {
    let server = start(local_config()).await;
    let long = "x".repeat(257);
    for (query, range) in [
        ("capacity=0".to_owned(), "from 1 to 64"),
        ("capacity=65".to_owned(), "from 1 to 64"),
        ("capacity=".to_owned(), "from 1 to 64"),
        ("capacity=many".to_owned(), "from 1 to 64"),
        ("listed=yes".to_owned(), "1 if the list"),
        ("metadata=%ff".to_owned(), "256 bytes of UTF-8"),
        ("metadata=%C3%28".to_owned(), "256 bytes of UTF-8"),
        (format!("metadata={long}"), "256 bytes of UTF-8"),
    ] {
        let response = refused(server.addr, &format!("/room?{query}")).await;
        assert_eq!(response.status, 400, "{query}");
        assert!(response.text().contains(range), "{response:?}");
        let path = format!("/room?huddle=1&{query}");
        let mut socket = connect(server.addr, &path).await.unwrap();
        let (code, reason) = closed(&mut socket).await;
        assert_eq!(code, close_code::BAD_REQUEST, "{query}");
        assert!(reason.contains(range), "{reason}");
    }
    expect_list(server.addr, "", all(&[])).await;
}

/// The metadata of rooms appears in the messages to their members and in the list.
#[tokio::test]
async fn hostile_metadata_stays_a_text() {
    let server = start(local_config()).await;
    let hostile = [
        ("%22%7D%2C%7B%22a%22%3A%22", r#""},{"a":""#),
        ("%5C%22%5C", r#"\"\"#),
        ("%00%01%0d%0a%1b%5B31m%7F", "\0\u{1}\r\n\u{1b}[31m\u{7f}"),
        ("%E2%80%AE%E2%80%A8", "\u{202e}\u{2028}"),
        ("%3C/script%3E%3Cscript%3E", "</script><script>"),
        ("%2500+%26listed%3D0%23", "%00 &listed=0#"),
        (&"%F0%9F%8E%AE".repeat(64), &"🎮".repeat(64)),
    ];
    for (n, (encoded, text)) in hostile.iter().enumerate() {
        let path = format!("/{n}?listed=1&metadata={encoded}");
        let mut keeper = Member::join(server.addr, &path).await;
        assert_eq!(keeper.room().await["metadata"], json!(text));
        let listed = listing(&n.to_string(), 1, 64, text);
        expect_list(server.addr, "", all(std::slice::from_ref(&listed))).await;
        // The same as a message.
        keeper.change(json!({"metadata": ""})).await;
        keeper.room().await;
        keeper.change(json!({ "metadata": text })).await;
        assert_eq!(keeper.room().await["metadata"], json!(text));
        expect_list(server.addr, "", all(&[listed])).await;
        keeper.socket.close(None).await.unwrap();
        expect_list(server.addr, "", all(&[])).await;
    }
}

#[tokio::test]
async fn list_answers_pages_of_other_origins() {
    let server = start(Config {
        allowed_origins: vec!["https://game.example.com".to_owned()],
        apps: vec!["duel".to_owned()],
        ..local_config()
    })
    .await;
    for (path, status) in [
        ("/rooms?app=duel", 200),
        ("/rooms", 404),
        ("/rooms?app=other", 404),
        ("/rooms?app=duel&limit=0", 400),
    ] {
        let origin = "Origin: https://other.example\r\n";
        let response = get(server.addr, path, origin).await;
        assert_eq!(response.status, status, "{path}");
        assert_eq!(response.header("access-control-allow-origin"), Some("*"));
        assert_eq!(response.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn server_with_files_has_a_list() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rooms"), "a file").unwrap();
    let server = start(Config {
        serve: Some(dir.path().to_owned()),
        ..local_config()
    })
    .await;
    expect_list(server.addr, "", all(&[])).await;
}

/// A change causes a message to every member, so it costs as much as that many messages.
#[tokio::test]
async fn keeper_pays_for_the_messages_to_all_members() {
    let server = start(Config {
        message_burst: 10,
        messages_per_second: 100,
        ..local_config()
    })
    .await;
    let mut keeper = Member::join(server.addr, "/room").await;
    let mut members = Vec::new();
    for _ in 0..9 {
        members.push(Member::join(server.addr, "/room").await);
    }
    let started = Instant::now();
    for n in 0..5 {
        keeper.change(json!({"metadata": n.to_string()})).await;
    }
    keeper.expect_keep_alive().await;
    // The price is 5 * (1 + 10) + 1, of which 10 are free.
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(440), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_of_list_requests_does_not_delay_joins() {
    const SLOWEST: Duration = Duration::from_secs(4);
    let config = Config {
        joins_per_second: 1000,
        ..open_config()
    };
    let scene = Scene::start(config).await;
    let addr = scene.addr();
    let mut keepers = Vec::new();
    for n in 0..100_u8 {
        let room = format!("/{n}?listed=1&metadata={}", "x".repeat(256));
        keepers.push(join_from(loopback(2 + n % 4), addr, &room).await);
    }
    let listed = timeout(TIMEOUT, async {
        while list(addr, "?limit=100").await["rooms"][99].is_null() {
            sleep(Duration::from_millis(20)).await;
        }
    });
    listed.await.expect("all rooms are listed");
    let mut attackers = JoinSet::new();
    for n in 0..16_u8 {
        attackers.spawn(async move {
            let mut stream = tcp_from(loopback(10 + n), addr).await.unwrap();
            loop {
                let response = get_on(&mut stream, "/rooms?limit=100", "").await;
                assert_eq!(response.status, 200);
            }
        });
    }
    let flood = Instant::now();
    while flood.elapsed() < Duration::from_secs(2) {
        let started = Instant::now();
        join_from(loopback(100), addr, "/other").await.leave().await;
        let took = started.elapsed();
        assert!(took < SLOWEST, "joining took {took:?}");
    }
    attackers.shutdown().await;
    scene.check(64).await;
}
