//! Clients that connect to different instances.

use std::time::Duration;

use huddle_signaling::Config;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    common::{closed, connect, get, redis::Redis, refused},
    player::Player,
    support::{config, count, join_again, start},
};

#[tokio::test]
async fn clients_of_different_instances_meet_in_a_room() {
    let Some(redis) = Redis::start() else { return };
    let [one, other] = [start(&redis.url()).await, start(&redis.url()).await];
    let mut a = join_again(one.addr, "/room").await;
    let mut b = join_again(other.addr, "/room").await;
    a.expect_new_peer(&b).await;
    // Longer than the buffers of the connection between the instances.
    let long = json!({ "Offer": "x".repeat(60_000) });
    for _ in 0..10 {
        a.signal(b.id, long.clone()).await;
        b.expect_signal(a.id, long.clone()).await;
        b.signal(a.id, long.clone()).await;
        a.expect_signal(b.id, long.clone()).await;
    }
    // A room of the same name in a different game, and one at the other instance.
    let mut elsewhere = join_again(other.addr, "/game/room").await;
    let mut third = join_again(one.addr, "/game/room").await;
    elsewhere.expect_new_peer(&third).await;
    assert_eq!(count(one.addr).await, (1, 2));
    assert_eq!(count(other.addr).await, (1, 2));
    let left = b.leave().await;
    a.expect_peer_left(left).await;
    drop(elsewhere);
    third.event().await;
    third.expect_nothing().await;
}

#[tokio::test]
async fn queue_pairs_clients_of_different_instances() {
    let Some(redis) = Redis::start() else { return };
    let [one, other] = [start(&redis.url()).await, start(&redis.url()).await];
    let mut a = join_again(one.addr, "/queue?next=2").await;
    let mut b = join_again(other.addr, "/queue?next=2").await;
    a.expect_new_peer(&b).await;
    let mut c = join_again(other.addr, "/queue?next=2").await;
    let mut d = join_again(one.addr, "/queue?next=2").await;
    c.expect_new_peer(&d).await;
    a.signal(b.id, json!("hello")).await;
    b.expect_signal(a.id, json!("hello")).await;
    for client in [&mut a, &mut b, &mut c, &mut d] {
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn client_takes_its_place_again_through_another_instance() {
    let Some(redis) = Redis::start() else { return };
    let [one, other] = [start(&redis.url()).await, start(&redis.url()).await];
    let mut a = Player::join(one.addr, "/room?huddle=1").await;
    for through in [&other, &one, &other] {
        let b = Player::join(one.addr, "/room?huddle=1").await;
        a.expect(json!({ "NewPeer": b.id })).await;
        let (id, secret) = (b.id.clone(), b.secret.clone());
        drop(b);
        a.expect(json!({ "Doubtful": id })).await;
        let room = format!("/room?huddle=1&resume={secret}");
        let b = Player::join(through.addr, &room).await;
        assert_eq!(b.id, id);
        a.expect(json!({ "Resumed": id })).await;
    }
}

#[tokio::test]
async fn member_returns_to_its_group_through_another_instance() {
    let Some(redis) = Redis::start() else { return };
    let [one, other] = [start(&redis.url()).await, start(&redis.url()).await];
    let queue = "/queue?next=2&huddle=1";
    let mut a = Player::join(one.addr, queue).await;
    let mut b = Player::join(other.addr, queue).await;
    let (a_id, b_id) = (a.id.clone(), b.id.clone());
    let (group, same) = tokio::join!(a.link(&b_id), b.link(&a_id));
    assert_eq!(group, same);
    // With the name of the group, and with that of the queue if it does not know the group's.
    for room in [
        format!("/{group}?huddle=1"),
        format!("/queue?next=2&huddle=1&group={group}"),
    ] {
        for through in [&one, &other] {
            let c = Player::join(through.addr, &room).await;
            a.expect(json!({ "NewPeer": c.id })).await;
        }
    }
    // The next players form a group of their own.
    let mut c = join_again(other.addr, "/queue?next=2").await;
    let d = join_again(one.addr, "/queue?next=2").await;
    c.expect_new_peer(&d).await;
    // A client that names a group that does not exist is a new player.
    let lost = "/queue?next=2&huddle=1&group=0123456789abcdef0123456789abcdef";
    let mut e = Player::join(other.addr, lost).await;
    e.expect(json!({ "Group": "Waiting" })).await;
}

#[tokio::test]
async fn refusals_pass_through_the_other_instance() {
    let Some(redis) = Redis::start() else { return };
    let small = Config {
        max_room_members: 1,
        ..config(&redis.url())
    };
    let [one, other] = [
        crate::common::start(small.clone()).await,
        crate::common::start(small).await,
    ];
    let _a = join_again(one.addr, "/room").await;
    let response = refused(other.addr, "/room").await;
    assert_eq!(response.status, 503);
    assert!(
        response.text().contains("this room is full"),
        "{response:?}"
    );
    let mut socket = connect(other.addr, "/room?huddle=1").await.unwrap();
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, 4429);
    assert!(reason.contains("this room is full"), "{reason}");
}

/// The owner of a room changes when it has been empty for a few seconds.
#[tokio::test]
async fn empty_room_moves_to_the_instance_of_the_next_client() {
    let Some(redis) = Redis::start() else { return };
    let [one, other] = [start(&redis.url()).await, start(&redis.url()).await];
    let a = join_again(one.addr, "/room").await;
    a.leave().await;
    sleep(Duration::from_secs(9)).await;
    let _b = join_again(other.addr, "/room").await;
    assert_eq!(count(other.addr).await, (1, 1));
    assert_eq!(count(one.addr).await, (0, 0));
}

#[tokio::test]
async fn metrics_show_owned_rooms_and_forwarded_clients() {
    let Some(redis) = Redis::start() else { return };
    let server = huddle_signaling::Server::bind(Config {
        metrics: Some(([127, 0, 0, 1], 0).into()),
        ..config(&redis.url())
    });
    let server = server.await.unwrap();
    let (addr, metrics) = (server.local_addr(), server.metrics_addr().unwrap());
    tokio::spawn(server.run(std::future::pending()));
    let other = start(&redis.url()).await;
    let _a = join_again(addr, "/room").await;
    let _b = join_again(other.addr, "/other").await;
    let mut c = join_again(addr, "/other").await;
    let text = get(metrics, "/metrics", "").await.text().to_owned();
    for line in [
        "huddle_store_up 1",
        "huddle_owned_rooms 1",
        "huddle_forwarded_clients 1",
        "huddle_rooms_conflicted_total 0",
        "huddle_clients 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    // The forwarded client is a member.
    c.expect_nothing().await;
}
