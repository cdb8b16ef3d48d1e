//! Clients that need tokens.

mod common;

use std::{
    io,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use common::{Client, RunningServer, closed, connect, local_config, next, refused, start};
use huddle_signaling::{Claims, Config, Secret, SigningKey, TokenKey, close_code};
use serde_json::Value;
use tokio::time::sleep;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, client::IntoClientRequest, http::Response},
};

const SECRET: &str = "a shared secret of at least 32 bytes";
const LONG: Duration = Duration::from_secs(60);

async fn server() -> RunningServer {
    start(Config {
        token_keys: vec![TokenKey::Secret(Secret::new(SECRET))],
        resume_timeout: LONG,
        ..local_config()
    })
    .await
}

/// Returns claims for any room that expire in a minute.
fn claims() -> Claims {
    Claims::new(SystemTime::now() + LONG)
}

/// Returns claims that expired longer ago than clocks may differ.
fn expired() -> Claims {
    Claims::new(SystemTime::now() - LONG)
}

fn sign(claims: &Claims) -> String {
    let key = SigningKey::from_secret(&Secret::new(SECRET)).unwrap();
    claims.sign(&key).unwrap()
}

fn forge(claims: &Claims) -> String {
    let key = SigningKey::from_secret(&Secret::new("another secret of at least 32 bytes"));
    claims.sign(&key.unwrap()).unwrap()
}

/// Checks that a stock client receives the refusal as HTTP status, and a client with extensions as
/// close code.
async fn assert_refused(server: &RunningServer, url: &str, status: u16, code: u16, text: &str) {
    let response = refused(server.addr, url).await;
    assert_eq!(response.status, status, "{url}");
    assert!(response.text().contains(text), "{response:?}");
    let joint = if url.contains('?') { '&' } else { '?' };
    let mut socket = connect(server.addr, &format!("{url}{joint}huddle=1"))
        .await
        .unwrap();
    let (closed_with, reason) = closed(&mut socket).await;
    assert_eq!(closed_with, code, "{url}");
    assert!(reason.contains(text), "{reason}");
}

/// Connects with subprotocols. Returns the response to the upgrade, or the HTTP status.
async fn connect_with(
    server: &RunningServer,
    path: &str,
    protocols: &str,
) -> Result<Response<Option<Vec<u8>>>, u16> {
    let url = format!("ws://{}{path}", server.addr);
    let mut request = url.into_client_request().unwrap();
    let protocols = protocols.parse().unwrap();
    let name = "sec-websocket-protocol";
    request.headers_mut().insert(name, protocols);
    match connect_async(request).await {
        Ok((_, response)) => Ok(response),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// Joins a client with extensions, and returns it with its session.
async fn join(server: &RunningServer, url: &str) -> (Client, Value) {
    let mut client = Client::join(server.addr, url).await;
    let session: Value =
        serde_json::from_str(next(&mut client.socket).await.to_text().unwrap()).unwrap();
    (client, session["Session"].clone())
}

#[tokio::test]
async fn client_without_a_valid_token_is_refused() {
    let server = server().await;
    let valid = sign(&claims().for_room("lobby"));
    Client::join(server.addr, &format!("/lobby?token={valid}")).await;

    let needed = close_code::TOKEN_NEEDED;
    let ask = "ask the game for a new token";
    assert_refused(&server, "/lobby", 401, needed, ask).await;
    assert_refused(&server, "/lobby?token=", 401, needed, ask).await;
    let old = format!("/lobby?token={}", sign(&expired()));
    assert_refused(&server, &old, 401, needed, ask).await;

    let forbidden = close_code::FORBIDDEN;
    let early = sign(&claims().valid_from(SystemTime::now() + LONG));
    let mut changed = valid.clone();
    changed.insert(30, 'A');
    for (room, token, text) in [
        ("lobby", forge(&claims()), "no key of this server"),
        ("lobby", forge(&expired()), "no key of this server"),
        ("lobby", changed, "no key of this server"),
        ("lobby", "x".repeat(5000), "no key of this server"),
        ("other", valid.clone(), "another room"),
        ("lobby", early, "not valid yet"),
    ] {
        let url = format!("/{room}?token={token}");
        assert_refused(&server, &url, 403, forbidden, text).await;
    }
}

#[tokio::test]
async fn token_can_be_a_subprotocol_which_the_server_does_not_repeat() {
    let server = server().await;
    let token = sign(&claims());
    let offered = format!("huddle, huddle.token.{token}");
    let response = connect_with(&server, "/lobby", &offered).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "huddle");
    for value in response.headers().values() {
        assert!(!value.to_str().unwrap().contains(&token));
    }
    let forged = format!("huddle, huddle.token.{}", forge(&claims()));
    let status = connect_with(&server, "/lobby", &forged).await;
    assert_eq!(status.unwrap_err(), 403);
    let status = connect_with(&server, "/lobby", "huddle").await;
    assert_eq!(status.unwrap_err(), 401);
}

#[tokio::test]
async fn rooms_and_queues_of_different_games_never_mix() {
    let server = server().await;
    let url = |app: &str, query: &str| {
        let token = sign(&claims().for_app(app));
        format!("/lobby?token={token}{query}")
    };
    for query in ["", "&next=2"] {
        let mut duel = Client::join(server.addr, &url("duel", query)).await;
        let mut cubes = Client::join(server.addr, &url("cubes", query)).await;
        let token = sign(&claims());
        let mut none = Client::join(server.addr, &format!("/lobby?token={token}{query}")).await;
        for client in [&mut duel, &mut cubes, &mut none] {
            client.expect_nothing().await;
        }
        let other = Client::join(server.addr, &url("duel", query)).await;
        duel.expect_new_peer(&other).await;
        cubes.expect_nothing().await;
        none.expect_nothing().await;
    }
}

/// Many games use random ids as the names of their rooms.
#[tokio::test]
async fn token_for_a_queue_does_not_admit_to_other_rooms_as_groups() {
    let server = server().await;
    let name = "0123456789abcdef0123456789abcdef";
    let owner = sign(&claims().for_room(name));
    let mut owner = Client::join(server.addr, &format!("/{name}?token={owner}")).await;
    let stranger = sign(&claims().for_room("lobby"));
    let url = format!("/lobby?next=2&huddle=1&token={stranger}&group={name}");
    Client::join(server.addr, &url).await;
    owner.expect_nothing().await;
}

#[tokio::test]
async fn room_is_full_at_the_capacity_of_the_token() {
    let server = server().await;
    let capacity = NonZeroUsize::new(1).unwrap();
    let small = format!("/lobby?token={}", sign(&claims().with_capacity(capacity)));
    let unlimited = format!("/lobby?token={}", sign(&claims()));
    let mut a = Client::join(server.addr, &small).await;
    let response = refused(server.addr, &small).await;
    assert_eq!(response.status, 503);
    assert!(response.text().contains("1 players"), "{response:?}");
    let b = Client::join(server.addr, &unlimited).await;
    a.expect_new_peer(&b).await;
    let response = refused(server.addr, &format!("{small}&next=2")).await;
    assert_eq!(response.status, 400);
}

#[tokio::test]
async fn token_for_one_client_cannot_be_replayed() {
    let server = server().await;
    let token = sign(&claims().for_one_client());
    let url = format!("/lobby?token={token}");
    let text = "another client uses this token";
    let full = close_code::FULL;
    let mut watcher = Client::join(server.addr, &format!("/lobby?token={}", sign(&claims()))).await;

    let (lost, session) = join(&server, &format!("{url}&huddle=1")).await;
    watcher.expect_new_peer(&lost).await;
    for _ in 0..2 {
        assert_refused(&server, &url, 409, full, text).await;
    }
    // The place of a lost client counts.
    let id = lost.id;
    drop(lost);
    sleep(Duration::from_millis(200)).await;
    assert_refused(&server, &url, 409, full, text).await;
    // The client itself may return.
    let secret = session["resume"].as_str().unwrap();
    let back = format!("{url}&huddle=1&resume={secret}");
    let (client, _) = join(&server, &back).await;
    assert_eq!(client.id, id);
    assert_refused(&server, &url, 409, full, text).await;

    client.leave().await;
    watcher.expect_peer_left(id).await;
    Client::join(server.addr, &url).await;
}

#[tokio::test]
async fn expired_token_still_lets_a_client_take_its_place_again() {
    let server = server().await;
    // With the tolerated difference of 10 s between clocks, it is valid for one or two seconds.
    let expiry = SystemTime::now() - Duration::from_secs(8);
    let url = format!("/lobby?huddle=1&token={}", sign(&Claims::new(expiry)));
    let (client, session) = join(&server, &url).await;
    let id = client.id;
    drop(client);
    sleep(Duration::from_millis(2100)).await;
    let needed = close_code::TOKEN_NEEDED;
    let secret = session["resume"].as_str().unwrap();
    let back = format!("{url}&resume={secret}");
    for refused in [
        &url,
        &format!("{url}&resume=00000000000000000000000000000000"),
    ] {
        let mut socket = connect(server.addr, refused).await.unwrap();
        assert_eq!(closed(&mut socket).await.0, needed);
    }
    // A forged or missing token does not.
    for token in ["", "&token=forged"] {
        let url = format!("/lobby?huddle=1&resume={secret}{token}");
        let mut socket = connect(server.addr, &url).await.unwrap();
        let code = closed(&mut socket).await.0;
        assert!(code == needed || code == close_code::FORBIDDEN);
    }
    let (client, _) = join(&server, &back).await;
    assert_eq!(client.id, id);
}

/// The log of all tests in this program.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn logs_contain_no_tokens_and_no_secrets() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // Unlike `init`, this does not include the log of the test's own WebSocket clients.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let server = server().await;
    let token = sign(&claims());
    let (client, session) = join(&server, &format!("/logged?huddle=1&token={token}")).await;
    let secret = session["resume"].as_str().unwrap().to_owned();
    drop(client);
    let back = format!("/logged?huddle=1&token={token}&resume={secret}");
    let (client, session) = join(&server, &back).await;
    let new_secret = session["resume"].as_str().unwrap().to_owned();
    client.leave().await;
    let forged = forge(&claims());
    refused(server.addr, &format!("/logged?token={forged}")).await;
    let offered = format!("huddle, huddle.token.{token}");
    connect_with(&server, "/logged", &offered).await.unwrap();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let log: Vec<_> = log.lines().collect();
    let joined = |line: &&str| line.contains("/logged") && line.contains("joined");
    assert!(log.iter().any(joined), "{log:?}");
    for secret in [&token, &secret, &new_secret, &forged] {
        let line = log.iter().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None);
    }
}

#[tokio::test]
async fn unusable_keys_are_reported_at_the_start() {
    use huddle_signaling::Server;
    for (key, expected) in [
        (TokenKey::Secret(Secret::new("short")), "32 bytes"),
        (TokenKey::PublicKey("not a key".to_owned()), "Ed25519"),
    ] {
        let config = Config {
            token_keys: vec![key],
            ..local_config()
        };
        let error = Server::bind(config).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
