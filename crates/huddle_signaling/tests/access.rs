//! Who may use the server: pages of certain origins, and players of certain games.

mod common;

use common::{
    Client, closed, connect, get, local_config, refused,
    sources::{close_refusal, connect_from, loopback, refusal},
    start,
};
use huddle_signaling::{Config, close_code};
use serde_json::json;

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let config = Config {
        allowed_origins: vec!["https://game.example.com".to_owned()],
        ..local_config()
    };
    let server = start(config).await;
    let connect = async |room: &str, origin: &str| {
        connect_from(loopback(1), server.addr, room, &[("Origin", origin)]).await
    };
    let mut member = Client::join(server.addr, "/room").await;
    for origin in ["https://evil.example", "null", "http://game.example.com"] {
        let (status, text) = refusal(connect("/room", origin).await);
        assert_eq!(status, 403, "{origin}");
        assert!(text.contains("origin"), "{text}");
        let (code, text) = close_refusal(connect("/room?huddle=1", origin).await).await;
        assert_eq!(code, close_code::FORBIDDEN, "{origin}");
        assert!(text.contains("origin"), "{text}");
    }
    member.expect_nothing().await;
    let page = connect("/room", "https://game.example.com").await.unwrap();
    let page = Client::new(page).await;
    member.expect_new_peer(&page).await;
}

#[tokio::test]
async fn every_origin_may_connect_without_a_list() {
    let server = start(local_config()).await;
    let headers = [("Origin", "https://any.example")];
    let page = connect_from(loopback(1), server.addr, "/room", &headers).await;
    Client::new(page.unwrap()).await.expect_nothing().await;
}

#[tokio::test]
async fn games_share_neither_rooms_nor_queues() {
    let server = start(local_config()).await;
    for query in ["", "?next=2"] {
        let mut duel = Client::join(server.addr, &format!("/duel/lobby{query}")).await;
        let mut cubes = Client::join(server.addr, &format!("/cubes/lobby{query}")).await;
        let mut nameless = Client::join(server.addr, &format!("/lobby{query}")).await;
        let b = Client::join(server.addr, &format!("/cub%65s/l%6Fbby{query}")).await;
        cubes.expect_new_peer(&b).await;
        let b = Client::join(server.addr, &format!("/duel/lobby{query}")).await;
        duel.expect_new_peer(&b).await;
        duel.signal(cubes.id, json!("hello?")).await;
        for client in [&mut duel, &mut cubes, &mut nameless] {
            client.expect_nothing().await;
        }
    }
}

#[tokio::test]
async fn listed_games_exclude_others() {
    let config = Config {
        apps: vec!["duel".to_owned(), "cubes".to_owned()],
        ..local_config()
    };
    let server = start(config).await;
    let mut a = Client::join(server.addr, "/duel/lobby?next=2").await;
    let _elsewhere = Client::join(server.addr, "/cubes/lobby?next=2").await;
    let b = Client::join(server.addr, "/duel/lobby?next=2").await;
    a.expect_new_peer(&b).await;
    for path in ["/lobby", "/duel", "/", "/other/lobby", "/Duel/lobby"] {
        let response = refused(server.addr, path).await;
        assert_eq!(response.status, 404, "{path}");
        let is_unnamed = path.matches('/').count() == 1;
        let words = if is_unnamed {
            "ws://HOST/GAME/ROOM"
        } else {
            "does not accept this game"
        };
        assert!(response.text().contains(words), "{response:?}");
        let mut socket = connect(server.addr, &format!("{path}?huddle=1"))
            .await
            .unwrap();
        let (code, reason) = closed(&mut socket).await;
        assert_eq!(code, close_code::NOT_FOUND);
        assert!(reason.contains(words), "{reason}");
    }
}

#[tokio::test]
async fn files_are_served_beside_the_rooms_of_games() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("duel")).unwrap();
    std::fs::write(dir.path().join("duel/lobby"), "a file").unwrap();
    let config = Config {
        apps: vec!["duel".to_owned()],
        serve: Some(dir.path().to_owned()),
        ..local_config()
    };
    let server = start(config).await;
    let mut member = Client::join(server.addr, "/duel/lobby").await;
    assert_eq!(get(server.addr, "/duel/lobby", "").await.text(), "a file");
    assert_eq!(get(server.addr, "/health", "").await.status, 200);
    member.expect_nothing().await;
}
