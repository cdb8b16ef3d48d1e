//! Attacks on the server. During each, two honest players continue to exchange signals, and another
//! one can join afterwards.
#![cfg(target_os = "linux")]

mod common;

use std::{net::SocketAddr, time::Duration};

use common::{
    Client, TIMEOUT,
    attack::{Scene, open_config, raw_join},
    get, refused,
    sources::{Socket, connect_from, join_from, loopback, refusal, tcp_from},
};
use futures_util::{SinkExt, StreamExt, future::join_all};
use huddle_signaling::Config;
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_handshakes_end() {
    let scene = Scene::start(open_config()).await;
    let mut attackers = JoinSet::new();
    for n in 0..400_u16 {
        let addr = scene.addr();
        let source = loopback(2 + u8::try_from(n % 20).unwrap());
        attackers.spawn(async move {
            let mut stream = tcp_from(source, addr).await.unwrap();
            // One byte after the other, so that the connection is never idle.
            for byte in b"GET /honest HTTP/1.1\r\nHost: x\r\nX: "
                .iter()
                .chain([b'y'].iter().cycle())
            {
                if stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(100)).await;
            }
        });
    }
    let ended = timeout(Duration::from_secs(12), attackers.join_all()).await;
    ended.expect("the server must end slow handshakes");
    scene.check(64).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_connections_do_not_keep_players_out() {
    let scene = Scene::start(open_config()).await;
    let mut half_open = Vec::new();
    for _ in 0..4096 {
        half_open.push(tcp_from(loopback(2), scene.addr()).await.unwrap());
    }
    // Even a player with the same address can join.
    let joined = timeout(
        Duration::from_secs(1),
        join_from(loopback(2), scene.addr(), "/room"),
    );
    joined.await.expect("joining takes at most a second");
    scene.check(64).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_are_disconnected() {
    const READERS: usize = 40;
    let config = Config {
        max_total_queue_bytes: 4 << 20,
        messages_per_second: 1_000_000,
        message_burst: 1_000_000,
        ..open_config()
    };
    let scene = Scene::start(config).await;
    let mut flooder = join_from(loopback(2), scene.addr(), "/attack").await;
    let mut readers = Vec::new();
    for n in 0..READERS {
        let source = loopback(if n % 2 == 0 { 3 } else { 4 });
        readers.push(raw_join(source, scene.addr(), "/attack").await);
    }
    let mut targets = Vec::from_iter(flooder.announced().await);
    while targets.len() < READERS {
        targets.extend(flooder.announced().await);
    }
    let (mut sink, mut stream) = flooder.socket.split();
    let flood = async {
        let data = "x".repeat(60_000);
        loop {
            for receiver in &targets {
                let request = format!(
                    r#"{{"Signal":{{"receiver":"{}","data":"{data}"}}}}"#,
                    receiver.0
                );
                sink.send(Message::text(request)).await.unwrap();
            }
        }
    };
    let mut left = 0;
    let all_left = async {
        while left < READERS {
            let Some(Ok(Message::Text(text))) = stream.next().await else {
                panic!("the sender must stay connected");
            };
            left += usize::from(text.contains("PeerLeft"));
        }
    };
    let ejected = timeout(Duration::from_secs(20), async {
        tokio::select! {
            () = all_left => {}
            () = flood => unreachable!(),
        }
    });
    ejected
        .await
        .expect("clients that do not read must be disconnected");
    // Without a budget for all queues, they hold 160 MiB.
    scene.check(64).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_do_not_delay_other_players() {
    let scene = Scene::start(open_config()).await;
    let mut attackers = JoinSet::new();
    for n in 0..12_u8 {
        let addr = scene.addr();
        attackers.spawn(async move {
            let client = join_from(loopback(2 + n), addr, "/flood?huddle=1").await;
            let (mut sink, mut stream) = client.socket.split();
            let own = client.id.0;
            let message = match n % 3 {
                0 => Message::text("\"KeepAlive\""),
                1 => Message::Ping(vec![0; 100].into()),
                _ => Message::text(format!(
                    r#"{{"Signal":{{"receiver":"{own}","data":"{}"}}}}"#,
                    "x".repeat(1000)
                )),
            };
            let write = async { while sink.send(message.clone()).await.is_ok() {} };
            let read = async { while let Some(Ok(_)) = stream.next().await {} };
            let _ = timeout(Duration::from_secs(3), async { tokio::join!(write, read) }).await;
        });
    }
    attackers.join_all().await;
    scene.check(64).await;
}

/// Returns the number of connects of a test. `HUDDLE_LONG=1` makes it long.
fn connects() -> usize {
    let is_long = std::env::var("HUDDLE_LONG").is_ok_and(|long| long == "1");
    if is_long { 100_000 } else { 5_000 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connects_and_closes_leave_nothing_behind() {
    const AT_ONCE: usize = 20;
    let scene = Scene::start(open_config()).await;
    let mut attackers = JoinSet::new();
    for task in 0..AT_ONCE {
        let addr = scene.addr();
        attackers.spawn(async move {
            let mut joined = 0;
            for n in (task..connects()).step_by(AT_ONCE) {
                let source = loopback(u8::try_from(2 + n % 250).unwrap());
                let room = [
                    "/churn",
                    "/churn?next=3",
                    "/churn?next=2&huddle=1",
                    "/a/b/c?huddle=1",
                ][n % 4];
                match n % 5 {
                    // Closes without a close frame, before the request is complete.
                    0 => drop(tcp_from(source, addr).await),
                    1 => drop(raw_join(source, addr, room).await),
                    _ => {
                        let connected = connect_from(source, addr, room, &[]).await;
                        joined += usize::from(connected.is_ok());
                        if let (Ok(mut socket), 2) = (connected, n % 5) {
                            let _ = socket.close(None).await;
                        }
                    }
                }
            }
            joined
        });
    }
    let joined: usize = attackers.join_all().await.into_iter().sum();
    assert!(joined >= 1000, "the attack must reach the server: {joined}");
    let emptied = timeout(TIMEOUT, async {
        while health(scene.addr()).await["clients"] != json!(2) {
            sleep(Duration::from_millis(50)).await;
        }
    });
    emptied.await.expect("only the honest players remain");
    assert_eq!(health(scene.addr()).await["rooms"], json!(1));
    scene.check(96).await;
}

async fn health(addr: SocketAddr) -> Value {
    let response = get(addr, "/health", "").await;
    serde_json::from_slice(&response.body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_headers_do_not_avoid_the_limit() {
    let config = Config {
        max_clients_per_address: 8,
        ..open_config()
    };
    let scene = Scene::start(config).await;
    let mut joined = Vec::new();
    for n in 0..100 {
        let forged = format!("203.0.113.{n}, 127.0.0.1");
        let headers = [
            ("X-Forwarded-For", forged.as_str()),
            ("X-Real-IP", forged.as_str()),
            ("Forwarded", "for=203.0.113.1"),
        ];
        joined.extend(connect_from(loopback(2), scene.addr(), "/room", &headers).await);
    }
    assert_eq!(joined.len(), 8);
    scene.check(64).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_do_not_leave_their_room() {
    let scene = Scene::start(open_config()).await;
    let mut victim = join_from(loopback(2), scene.addr(), "/victim").await;
    let mut waiting = join_from(loopback(2), scene.addr(), "/victim?next=2").await;
    let mut elsewhere = join_from(loopback(2), scene.addr(), "/game/victim").await;
    let rooms = [
        "/attack",
        "/",
        "/victim?next=3",
        "/other/victim",
        "/Victim",
        "/victim%00",
    ];
    let attackers = rooms.map(|room| join_from(loopback(3), scene.addr(), room));
    for mut attacker in join_all(attackers).await {
        for id in [victim.id, waiting.id, elsewhere.id] {
            attacker.signal(id, json!("forged")).await;
        }
        attacker
            .send(format!(r#"{{"PeerLeft":"{}"}}"#, victim.id))
            .await;
        attacker.expect_nothing().await;
    }
    for victim in [&mut victim, &mut waiting, &mut elsewhere] {
        victim.expect_nothing().await;
    }
    scene.check(64).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_requests_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let site = dir.path().join("site");
    std::fs::create_dir(&site).unwrap();
    std::fs::write(dir.path().join("secret"), "outside").unwrap();
    let config = Config {
        serve: Some(site),
        allowed_origins: vec!["https://game.example.com".to_owned()],
        joins_per_second: 1000,
        ..open_config()
    };
    let scene = Scene::start(config).await;
    let long = format!("/{}", "r".repeat(2000));
    let long_next = format!("/room?next={}", "9".repeat(2000));
    for (path, status) in [
        ("/room?next=0", 400),
        ("/room?next=-1", 400),
        ("/room?next=65", 400),
        ("/room?next=1e1", 400),
        ("/room?next=%00", 400),
        ("/room?next=+2", 400),
        ("/room?next=2&next=", 400),
        (&long_next, 400),
        ("/%ff", 400),
        ("/%80/room", 400),
        (&long, 400),
        ("/../../../etc/passwd", 404),
        ("/a/../b", 404),
        ("//secret", 404),
        ("/a/b/c/d", 404),
    ] {
        let response = refused(scene.addr(), path).await;
        assert_eq!(response.status, status, "{path}");
    }
    let origin = [("Origin", "https://evil.example")];
    let refused = connect_from(loopback(2), scene.addr(), "/honest", &origin).await;
    assert_eq!(refusal(refused).0, 403);
    for path in [
        "/../secret",
        "/..%2fsecret",
        "/%2e%2e/secret",
        "/%2e%2e%2fsecret",
        "/..%5csecret",
        "/a/../../secret",
        "//secret",
        "/%00",
        "/....//secret",
    ] {
        let response = get(scene.addr(), path, "").await;
        assert_eq!(response.status, 404, "{path}");
        assert!(!response.text().contains("outside"), "{path}");
    }
    // `..` can be the name of a game or room, which has nothing to do with folders.
    let mut a = Client::new(odd(scene.addr(), "/../room").await).await;
    let b = Client::new(odd(scene.addr(), "/%2e%2e/room").await).await;
    a.expect_new_peer(&b).await;
    scene.check(64).await;
}

async fn odd(addr: SocketAddr, path: &str) -> Socket {
    connect_from(loopback(3), addr, path, &[]).await.unwrap()
}
