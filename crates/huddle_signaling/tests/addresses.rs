//! The limits of one address, and how the server determines the address of a client.
#![cfg(target_os = "linux")]

mod common;

use std::{
    net::{Ipv6Addr, SocketAddr},
    time::Duration,
};

use common::{
    Client, TIMEOUT,
    attack::open_config,
    get, get_on, local_config, next,
    sources::{
        close_refusal, connect_from, join_forwarded, join_from, loopback, refusal, tcp_from,
    },
    start,
};
use huddle_signaling::{Config, close_code};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Joins when the server has noticed that another client left.
async fn join_soon(source: std::net::IpAddr, addr: SocketAddr) -> Client {
    let joined = timeout(TIMEOUT, async {
        loop {
            if let Ok(socket) = connect_from(source, addr, "/room", &[]).await {
                return Client::new(socket).await;
            }
            sleep(Duration::from_millis(10)).await;
        }
    });
    joined.await.expect("the client must be able to join")
}

#[tokio::test]
async fn clients_of_an_address_are_limited_until_one_leaves() {
    let config = Config {
        max_clients_per_address: 2,
        ..open_config()
    };
    let server = start(config).await;
    let first = join_from(loopback(2), server.addr, "/room").await;
    let mut second = join_from(loopback(2), server.addr, "/other").await;

    let refused = connect_from(loopback(2), server.addr, "/room", &[]).await;
    let (status, text) = refusal(refused);
    assert_eq!(status, 429);
    assert!(
        text.contains("at most 2") && text.contains("leave"),
        "{text}"
    );
    let refused = connect_from(loopback(2), server.addr, "/room?huddle=1", &[]).await;
    let (code, text) = close_refusal(refused).await;
    assert_eq!(code, close_code::FULL);
    assert!(text.contains("at most 2"), "{text}");

    second.expect_nothing().await;
    let mut elsewhere = join_from(loopback(3), server.addr, "/room").await;
    elsewhere.expect_nothing().await;
    first.leave().await;
    join_soon(loopback(2), server.addr).await;
}

/// The server has not noticed that the player lost its connection, so both connections count.
#[tokio::test]
async fn player_returns_to_its_queue_at_the_limit_of_its_address() {
    let config = Config {
        max_clients_per_address: 1,
        resume_timeout: TIMEOUT,
        ..open_config()
    };
    let server = start(config).await;
    let mut lost = join_from(loopback(2), server.addr, "/room?next=2&huddle=1").await;
    let session = next(&mut lost.socket).await.into_text().unwrap();
    let session: serde_json::Value = serde_json::from_str(&session).unwrap();
    let secret = session["Session"]["resume"].as_str().unwrap();
    let url = format!("/room?next=2&huddle=1&resume={secret}");
    let back = join_from(loopback(2), server.addr, &url).await;
    assert_ne!(back.id, lost.id);
    assert_eq!(lost.closed().await.0, close_code::NORMAL);
}

#[tokio::test]
async fn joins_of_an_address_are_limited_to_a_rate() {
    let config = Config {
        join_burst: 3,
        joins_per_second: 4,
        ..open_config()
    };
    let server = start(config).await;
    for _ in 0..3 {
        join_from(loopback(2), server.addr, "/room")
            .await
            .leave()
            .await;
    }
    let refused = connect_from(loopback(2), server.addr, "/room", &[]).await;
    let (status, text) = refusal(refused);
    assert_eq!(status, 429);
    assert!(text.contains("try again in 1 s"), "{text}");
    let refused = connect_from(loopback(2), server.addr, "/room?huddle=1", &[]).await;
    assert_eq!(close_refusal(refused).await.0, close_code::FULL);
    join_from(loopback(3), server.addr, "/room").await;
    sleep(Duration::from_secs(1)).await;
    join_from(loopback(2), server.addr, "/room").await;
}

#[tokio::test]
async fn forwarded_address_counts() {
    let config = Config {
        max_clients_per_address: 1,
        ..local_config()
    };
    let server = start(config).await;
    let mut members = Vec::new();
    for forwarded in [
        "203.0.113.1",
        "203.0.113.2",
        "2001:db8::1",
        "[2001:db8:0:1::1]:5000",
    ] {
        members.push(join_forwarded(forwarded, server.addr, "/room").await);
    }
    for forwarded in [
        "203.0.113.1",
        "::ffff:203.0.113.1",
        "203.0.113.1:5000",
        // The entries that the client itself has sent come first.
        "203.0.113.99, 203.0.113.1",
        "garbage, 203.0.113.1",
        "203.0.113.1, 127.0.0.1",
        // The same network of 64 bits.
        "2001:db8::2",
        "2001:db8:0:1:2:3:4:5",
    ] {
        let headers = [("X-Forwarded-For", forwarded)];
        let refused = connect_from(loopback(1), server.addr, "/room", &headers).await;
        assert_eq!(refusal(refused).0, 429, "{forwarded}");
    }
    let headers = [
        ("X-Forwarded-For", "203.0.113.99"),
        ("X-Forwarded-For", "203.0.113.1"),
    ];
    let refused = connect_from(loopback(1), server.addr, "/room", &headers).await;
    assert_eq!(refusal(refused).0, 429);
}

#[tokio::test]
async fn header_of_an_untrusted_peer_does_not_count() {
    let config = Config {
        max_clients_per_address: 2,
        trusted_proxies: vec!["127.0.0.9/32".parse().unwrap()],
        ..local_config()
    };
    let server = start(config).await;
    let mut members = Vec::new();
    for n in 0..4 {
        let forged = format!("203.0.113.{n}");
        let headers = [("X-Forwarded-For", forged.as_str())];
        let connected = connect_from(loopback(2), server.addr, "/room", &headers).await;
        if n < 2 {
            members.push(Client::new(connected.unwrap()).await);
        } else {
            assert_eq!(refusal(connected).0, 429, "{forged}");
        }
    }
}

#[tokio::test]
async fn programs_on_the_own_machine_are_not_limited() {
    let config = Config {
        max_clients_per_address: 1,
        max_http_per_address: 1,
        join_burst: 1,
        joins_per_second: 1,
        ..local_config()
    };
    let server = start(config).await;
    let mut clients = Vec::new();
    for _ in 0..40 {
        clients.push(Client::join(server.addr, "/room").await);
        let mut page = TcpStream::connect(server.addr).await.unwrap();
        assert_eq!(get_on(&mut page, "/health", "").await.status, 200);
    }
}

/// Reads until the connection ends.
async fn ended(mut stream: TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    // An error also means that the connection has ended.
    let read = timeout(TIMEOUT, stream.read_to_end(&mut received)).await;
    let _ = read.expect("the connection must end");
    received
}

#[tokio::test]
async fn half_open_connections_of_an_address_make_room_for_new_ones() {
    let config = Config {
        max_http_per_address: 4,
        ..open_config()
    };
    let server = start(config).await;
    let mut half_open = Vec::new();
    for _ in 0..4 {
        let mut stream = tcp_from(loopback(2), server.addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        half_open.push(stream);
    }
    let mut idle = tcp_from(loopback(3), server.addr).await.unwrap();
    join_from(loopback(2), server.addr, "/room").await;
    assert_eq!(ended(half_open.remove(0)).await, b"");
    // The other connections still work, including the one from another address.
    assert_eq!(get_on(&mut idle, "/health", "").await.status, 200);
    half_open[0].write_all(b"Host: x\r\n\r\n").await.unwrap();
    let mut byte = [0];
    let read = timeout(TIMEOUT, half_open[0].read_exact(&mut byte));
    read.await.unwrap().unwrap();
}

/// Starts a download and does not read it.
async fn stalled_download(source: u8, addr: SocketAddr, headers: &str) -> TcpStream {
    let mut stream = tcp_from(loopback(source), addr).await.unwrap();
    let request = format!("GET /large HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    timeout(TIMEOUT, stream.read_exact(&mut start))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    stream
}

/// Two stalled downloads use all requests of an address. `headers` are those of the proxy, if any.
async fn test_downloads(config: Config, source: u8, headers: &str) {
    let dir = tempfile::tempdir().unwrap();
    // More than the buffers of both sockets.
    std::fs::write(dir.path().join("large"), vec![0; 64 << 20]).unwrap();
    let config = Config {
        max_http_per_address: 2,
        serve: Some(dir.path().to_owned()),
        ..config
    };
    let server = start(config).await;
    let downloads = [
        stalled_download(source, server.addr, headers).await,
        stalled_download(source, server.addr, headers).await,
    ];
    let health = async || {
        let mut stream = tcp_from(loopback(source), server.addr).await.unwrap();
        get_on(&mut stream, "/health", headers).await
    };
    let refused = health().await;
    assert_eq!(refused.status, 429);
    assert!(refused.text().contains("try again"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    // The player can still join, and other addresses are not affected.
    let fields: Vec<_> = headers
        .lines()
        .filter_map(|line| line.split_once(": "))
        .collect();
    let joined = connect_from(loopback(source), server.addr, "/room", &fields).await;
    Client::new(joined.unwrap()).await.expect_nothing().await;
    assert_eq!(get(server.addr, "/health", "").await.status, 200);

    drop(downloads);
    let freed = timeout(TIMEOUT, async {
        while health().await.status != 200 {
            sleep(Duration::from_millis(10)).await;
        }
    });
    freed.await.expect("ended downloads must not count");
}

#[tokio::test]
async fn downloads_of_an_address_are_limited() {
    test_downloads(open_config(), 2, "").await;
}

#[tokio::test]
async fn downloads_through_a_proxy_count_for_their_client() {
    test_downloads(local_config(), 1, "X-Forwarded-For: 203.0.113.7\r\n").await;
}

#[tokio::test]
async fn proxy_may_have_many_connections() {
    let config = Config {
        max_http_per_address: 2,
        ..local_config()
    };
    let server = start(config).await;
    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(TcpStream::connect(server.addr).await.unwrap());
    }
    for (n, stream) in streams.iter_mut().enumerate() {
        let headers = format!("X-Forwarded-For: 203.0.113.{n}\r\n");
        assert_eq!(get_on(stream, "/health", &headers).await.status, 200);
    }
}

#[tokio::test]
async fn default_address_includes_ipv6_and_ipv4() {
    let config = Config {
        bind: SocketAddr::new(Config::default().bind.ip(), 0),
        max_clients_per_address: 1,
        ..Config::default()
    };
    let server = start(config).await;
    let port = server.addr.port();
    // Neither is limited, because IPv4 on an IPv6 socket is IPv4.
    let v4 = SocketAddr::from(([127, 0, 0, 1], port));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    let mut first = Client::join(v4, "/room").await;
    let second = Client::join(v6, "/room").await;
    first.expect_new_peer(&second).await;
    let third = Client::join(v4, "/room").await;
    first.expect_new_peer(&third).await;
}
