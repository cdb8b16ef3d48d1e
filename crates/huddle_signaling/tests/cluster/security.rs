//! Requests between instances, tokens, addresses and TLS.

use std::{
    fs,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::StreamExt;
use huddle_signaling::{Claims, Config, Secret, Server, SigningKey, Tls, TokenKey};
use matchbox_protocol::JsonPeerEvent;
use rcgen::{CertificateParams, KeyPair};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::{net::TcpStream, sync::oneshot};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    client_async, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use crate::{
    common::{
        Client, RunningServer, get_on,
        redis::Redis,
        refused,
        sources::{connect_from, join_forwarded, loopback, refusal},
    },
    support::{config, count, join_again, start},
};

/// Starts an instance, and returns the address of its listener for other instances.
async fn start_with_listener(redis: &Redis) -> (RunningServer, SocketAddr) {
    let server = Server::bind(config(&redis.url())).await.unwrap();
    let (addr, instances) = (server.local_addr(), server.cluster_addr().unwrap());
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    (RunningServer { addr, stop, ended }, instances)
}

#[tokio::test]
async fn listener_for_instances_refuses_requests_without_the_secret() {
    let Some(redis) = Redis::start() else { return };
    let (server, instances) = start_with_listener(&redis).await;
    let _client = join_again(server.addr, "/room").await;
    let forged = "0".repeat(64);
    for headers in [
        String::new(),
        "huddle-cluster: \r\n".to_owned(),
        "huddle-cluster: secret\r\n".to_owned(),
        format!("huddle-cluster: {forged}\r\n"),
        format!("huddle-cluster: {forged}\r\nX-Forwarded-For: 192.0.2.1\r\n"),
    ] {
        for path in ["/health", "/ready", "/room", "/../.."] {
            let mut stream = TcpStream::connect(instances).await.unwrap();
            let response = get_on(&mut stream, path, &headers).await;
            assert_eq!(response.status, 403, "{path}: {headers}");
        }
    }
    for path in ["/room", "/room?huddle=1"] {
        assert_eq!(refused(instances, path).await.status, 403);
    }
    let headers = [("huddle-cluster", forged.as_str())];
    let connected = connect_from(loopback(1), instances, "/room", &headers).await;
    assert_eq!(refusal(connected).0, 403);
    // The header has no effect on the public listener.
    let connected = connect_from(loopback(1), server.addr, "/room", &headers).await;
    assert!(connected.is_ok());
    assert_eq!(count(server.addr).await, (1, 2));
}

#[tokio::test]
async fn client_counts_for_its_address_at_both_instances() {
    let Some(redis) = Redis::start() else { return };
    let limited = Config {
        max_clients_per_address: 1,
        resume_timeout: Duration::ZERO,
        ..config(&redis.url())
    };
    let [front, owner] = [
        crate::common::start(limited.clone()).await,
        crate::common::start(limited).await,
    ];
    let mut host = join_again(owner.addr, "/room").await;
    let headers = |address| [("X-Forwarded-For", address)];
    for address in ["203.0.113.1", "2001:db8:1:2:3::4"] {
        let client = join_forwarded(address, front.addr, "/room").await;
        host.expect_new_peer(&client).await;
        // Refused by the front, and by the owner, which has received the address.
        for (addr, room) in [(front.addr, "/other"), (owner.addr, "/other")] {
            let connected = connect_from(loopback(1), addr, room, &headers(address)).await;
            let (status, text) = refusal(connected);
            assert_eq!(status, 429, "{text}");
            assert!(text.contains("network address"), "{text}");
        }
        let left = client.leave().await;
        host.expect_peer_left(left).await;
    }
    // Programs of the machine have no address, and are not limited.
    let mut clients = Vec::new();
    for _ in 0..3 {
        let client = join_again(front.addr, "/room").await;
        host.expect_new_peer(&client).await;
        clients.push(client);
    }
}

#[tokio::test]
async fn token_is_valid_at_the_owner_of_its_room() {
    const SECRET: &str = "a shared secret of at least 32 bytes";
    let Some(redis) = Redis::start() else { return };
    let with_tokens = Config {
        token_keys: vec![TokenKey::Secret(Secret::new(SECRET))],
        ..config(&redis.url())
    };
    let [front, owner] = [
        crate::common::start(with_tokens.clone()).await,
        crate::common::start(with_tokens).await,
    ];
    let key = SigningKey::from_secret(&Secret::new(SECRET)).unwrap();
    let claims = || Claims::new(SystemTime::now() + Duration::from_secs(60));
    let token = |claims: Claims| claims.sign(&key).unwrap();
    // The token of the first client names the game, and its URL does not.
    let own = token(claims().for_app("duel"));
    let mut a = join_again(owner.addr, &format!("/room?token={own}")).await;
    let unique = token(claims().for_app("duel").for_one_client());
    let url = format!("ws://{}/duel/room", front.addr);
    let mut request = url.into_client_request().unwrap();
    let protocols = format!("huddle, huddle.token.{unique}").parse().unwrap();
    let name = "sec-websocket-protocol";
    request.headers_mut().insert(name, protocols);
    let (socket, response) = connect_async(request).await.unwrap();
    assert_eq!(response.headers()[name], "huddle");
    let b = Client::new(socket).await;
    a.expect_new_peer(&b).await;
    // The owner knows that the token is in use.
    let second = format!("/duel/room?token={unique}");
    assert_eq!(refused(front.addr, &second).await.status, 409);
    assert_eq!(refused(front.addr, "/duel/room").await.status, 401);
}

#[tokio::test]
async fn tls_ends_at_the_first_instance() {
    let Some(redis) = Redis::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let tls = Tls {
        certificates: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
    };
    fs::write(&tls.certificates, certificate.pem()).unwrap();
    fs::write(&tls.key, key.serialize_pem()).unwrap();
    let front = crate::common::start(Config {
        tls: Some(tls),
        ..config(&redis.url())
    });
    let front = front.await;
    let owner = start(&redis.url()).await;
    let mut a = join_again(owner.addr, "/room").await;

    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(front.addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(client));
    let stream = connector.connect(name, stream).await.unwrap();
    let (mut socket, _) = client_async("wss://localhost/room", stream).await.unwrap();
    let Some(Ok(Message::Text(id))) = socket.next().await else {
        panic!("the client joins");
    };
    let JsonPeerEvent::IdAssigned(id) = id.parse().unwrap() else {
        panic!("the first event must be IdAssigned");
    };
    assert_eq!(a.event().await, JsonPeerEvent::NewPeer(id));
    a.signal(id, "x".repeat(60_000).into()).await;
    let Some(Ok(Message::Text(signal))) = socket.next().await else {
        panic!("the client receives the signal");
    };
    assert!(signal.len() > 60_000);
    socket.close(None).await.unwrap();
    a.expect_peer_left(id).await;
    // The end is clean: the owner's answer passes through.
    while let Some(message) = socket.next().await {
        let is_end = matches!(
            message,
            Ok(Message::Close(_)) | Err(Error::ConnectionClosed)
        );
        assert!(is_end, "{message:?}");
    }
}
