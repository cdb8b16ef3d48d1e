//! The settings of rooms.

mod common;

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant, SystemTime},
};

use common::{
    Client, closed, connect,
    lobby::{Member, all, expect_list, listing},
    local_config, refused, start,
};
use huddle_signaling::{Claims, Config, Secret, SigningKey, TokenKey, close_code};
use matchbox_protocol::PeerId;
use serde_json::json;

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
    keeper.expect_keep_alive().await;
    let _third = Client::join(server.addr, "/room").await;
    // Members stay when the capacity shrinks.
    keeper.change(json!({"capacity": 1})).await;
    keeper.expect_keep_alive().await;
    let mut socket = connect(server.addr, "/room?huddle=1").await.unwrap();
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, close_code::FULL);
    assert!(reason.contains("1 players"), "{reason}");
    keeper.expect_no_room().await;
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
