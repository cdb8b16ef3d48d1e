//! The list of rooms: `GET /rooms`.

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use common::{
    Client, TIMEOUT,
    attack::{Scene, open_config},
    get, get_on,
    lobby::{Member, all, expect_list, list, listing},
    local_config,
    sources::{join_from, loopback, tcp_from},
    start,
};
use huddle_signaling::Config;
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_of_list_requests_does_not_delay_joins() {
    const SLOWEST: Duration = Duration::from_secs(4);
    let config = Config {
        joins_per_second: 1_000_000,
        max_clients_per_address: 1000,
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
    let answers = Arc::new(AtomicUsize::new(0));
    for n in 0..16_u8 {
        let answers = Arc::clone(&answers);
        attackers.spawn(async move {
            let mut stream = tcp_from(loopback(10 + n), addr).await.unwrap();
            loop {
                let response = get_on(&mut stream, "/rooms?limit=100", "").await;
                assert_eq!(response.status, 200);
                answers.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let flood = Instant::now();
    while flood.elapsed() < Duration::from_secs(2) {
        let started = Instant::now();
        join_from(loopback(100), addr, "/other").await.leave().await;
        let took = started.elapsed();
        assert!(took < SLOWEST, "joining took {took:?}");
        sleep(Duration::from_millis(10)).await;
    }
    attackers.shutdown().await;
    let answers = answers.load(Ordering::Relaxed);
    assert!(answers > 100, "the attack must reach the server: {answers}");
    scene.check(64).await;
}
