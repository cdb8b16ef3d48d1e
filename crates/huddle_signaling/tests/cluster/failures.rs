//! Instances and stores that fail.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::time::sleep;

use crate::{
    common::{
        Client, RunningServer, closed, connect, get,
        redis::{Redis, Wire},
        refused,
    },
    player::Player,
    support::{
        Instance, LONG, RECOVERY, closed_later, count, expect_count, join_again, lost, start,
    },
};

/// Checks that exactly these clients are in the room of `addr`, and meet a newcomer.
async fn assert_whole(addr: SocketAddr, room: &str, members: &mut [Client]) {
    let newcomer = join_again(addr, room).await;
    for member in &mut *members {
        assert!(member.announced().await.contains(&newcomer.id));
    }
    let left = newcomer.leave().await;
    for member in members {
        member.expect_peer_left(left).await;
    }
}

#[tokio::test]
async fn clients_of_a_killed_owner_meet_at_the_survivor() {
    let Some(redis) = Redis::start() else { return };
    let mut owner = Instance::start(&redis, &[]).await;
    let survivor = Instance::start(&redis, &[]).await;
    let direct = join_again(owner.addr, "/room?huddle=1").await;
    let forwarded = join_again(survivor.addr, "/room?huddle=1").await;
    owner.process.kill().await.unwrap();
    let killed = Instant::now();
    for client in [direct, forwarded] {
        lost(client).await;
    }
    let room = "/room?huddle=1";
    let first = join_again(survivor.addr, room).await;
    let second = join_again(survivor.addr, room).await;
    let took = killed.elapsed();
    assert!(took < RECOVERY, "{took:?}");
    println!("the clients met again after {took:?}");
    // There are no ghosts.
    expect_count(survivor.addr, (1, 2)).await;
    let mut first = Player::of(first);
    first.expect(json!({ "NewPeer": second.id })).await;
}

#[tokio::test]
async fn client_that_returns_before_the_lease_has_expired_waits_for_it() {
    let Some(redis) = Redis::start() else { return };
    let mut owner = Instance::start(&redis, &["--lease", "2s"]).await;
    let survivor = Instance::start(&redis, &["--lease", "2s"]).await;
    let direct = join_again(owner.addr, "/room").await;
    let forwarded = join_again(survivor.addr, "/room").await;
    owner.process.kill().await.unwrap();
    for client in [direct, forwarded] {
        lost(client).await;
    }
    // The survivor refuses neither of them.
    let _back = tokio::join!(
        Client::join(survivor.addr, "/room"),
        Client::join(survivor.addr, "/room")
    );
    expect_count(survivor.addr, (1, 2)).await;
}

#[tokio::test]
async fn clients_of_a_killed_front_return_through_another_instance() {
    let Some(redis) = Redis::start() else { return };
    let owner = Instance::start(&redis, &[]).await;
    let mut front = Instance::start(&redis, &[]).await;
    let mut a = Player::join(owner.addr, "/room?huddle=1").await;
    let b = Player::join(front.addr, "/room?huddle=1").await;
    let _stock = join_again(front.addr, "/room").await;
    a.expect(json!({ "NewPeer": b.id })).await;
    front.process.kill().await.unwrap();
    a.expect(json!({ "Doubtful": b.id })).await;
    let room = format!("/room?huddle=1&resume={}", b.secret);
    let returned = Player::join(owner.addr, &room).await;
    assert_eq!(returned.id, b.id);
    // The stock client has no place, so it has left.
    expect_count(owner.addr, (1, 2)).await;
}

#[tokio::test]
async fn restarted_redis_without_data_changes_nothing_for_members() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let [one, other] = [start(&redis.url()).await, start(&redis.url()).await];
    let mut a = join_again(one.addr, "/room").await;
    let b = join_again(other.addr, "/room").await;
    a.expect_new_peer(&b).await;
    redis.restart();
    // The instances record their rooms again.
    sleep(Duration::from_secs(4)).await;
    let mut members = [a, b];
    assert_whole(other.addr, "/room", &mut members).await;
    assert_whole(one.addr, "/room", &mut members).await;
    assert_eq!(count(other.addr).await, (0, 0));
}

#[tokio::test]
async fn room_that_was_split_by_a_partition_is_whole_afterwards() {
    let Some(redis) = Redis::start() else { return };
    let wire = Wire::to(redis.addr).await;
    let [cut, other] = [start(&wire.url()).await, start(&redis.url()).await];
    let a = join_again(cut.addr, "/room").await;
    let ghost = Player::join(cut.addr, "/room?huddle=1").await;
    let mut unaffected = join_again(cut.addr, "/unaffected").await;
    wire.cut();
    // The lease of the instance expires, and its clients cannot know that.
    let mut b = join_until_owned(&other, "/room").await;
    let c = join_again(cut.addr, "/room").await;
    assert_eq!(count(cut.addr).await, (2, 4));
    // This client loses its connection, and the instance keeps its place.
    drop(ghost);
    wire.restore();
    for client in [a, c] {
        let (code, reason) = closed_later(client).await;
        assert_eq!(code, 1012, "{reason}");
        assert!(reason.contains("another server"), "{reason}");
    }
    expect_count(cut.addr, (1, 1)).await;
    let mut a = join_again(cut.addr, "/room").await;
    b.expect_new_peer(&a).await;
    let c = join_again(other.addr, "/room").await;
    a.expect_new_peer(&c).await;
    assert_eq!(count(other.addr).await, (1, 3));
    // Its room was not taken, so its members stay.
    let newcomer = join_again(other.addr, "/unaffected").await;
    unaffected.expect_new_peer(&newcomer).await;
}

/// Joins a room until the instance owns it, because the lease of the previous owner has expired.
async fn join_until_owned(server: &RunningServer, room: &str) -> Client {
    let start = Instant::now();
    loop {
        let client = join_again(server.addr, room).await;
        if count(server.addr).await.0 > 0 {
            return client;
        }
        client.leave().await;
        assert!(start.elapsed() < LONG, "the lease does not expire");
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn without_redis_only_known_rooms_can_be_joined() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let [one, other] = [start(&redis.url()).await, start(&redis.url()).await];
    let mut a = join_again(one.addr, "/room").await;
    let b = join_again(other.addr, "/room").await;
    a.expect_new_peer(&b).await;
    redis.stop();
    // Until the instances have noticed it, their clients wait.
    sleep(Duration::from_secs(3)).await;
    for addr in [one.addr, other.addr] {
        let client = join_again(addr, "/room").await;
        a.expect_new_peer(&client).await;
        a.expect_peer_left(client.leave().await).await;
        let response = refused(addr, "/new").await;
        assert_eq!(response.status, 503);
        assert_eq!(response.header("retry-after"), Some("5"));
        assert!(response.text().contains("try again"), "{response:?}");
        let mut socket = connect(addr, "/new?huddle=1").await.unwrap();
        let (code, _) = closed(&mut socket).await;
        assert_eq!(code, 1012);
        assert_eq!(get(addr, "/ready", "").await.status, 200);
    }
    redis.restart();
    let mut c = join_again(one.addr, "/new").await;
    let d = join_again(other.addr, "/new").await;
    c.expect_new_peer(&d).await;
}

/// The machine of the owner has a living lease, and does not answer.
#[tokio::test]
async fn frozen_owner_is_replaced_when_its_lease_expires() {
    let Some(redis) = Redis::start() else { return };
    let owner = Instance::start(&redis, &[]).await;
    let front = Instance::start(&redis, &[]).await;
    let frozen = join_again(owner.addr, "/room").await;
    owner.signal("STOP").await;
    let start = Instant::now();
    let mut survivor = join_again(front.addr, "/room").await;
    assert!(start.elapsed() < 2 * RECOVERY, "{:?}", start.elapsed());
    // It wakes, and its room belongs to the other instance.
    owner.signal("CONT").await;
    let (code, _) = closed_later(frozen).await;
    assert_eq!(code, 1012);
    let back = join_again(owner.addr, "/room").await;
    survivor.expect_new_peer(&back).await;
}
