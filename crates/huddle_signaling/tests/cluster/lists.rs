//! The list of rooms of all instances.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    common::{
        lobby::{Member, all, list, listing},
        redis::Redis,
    },
    support::{Instance, LONG, join_again, start},
};

/// Joins with extensions, and tries again when the server refuses.
async fn join(addr: SocketAddr, room: &str) -> Member {
    let joint = if room.contains('?') { '&' } else { '?' };
    let client = join_again(addr, &format!("{room}{joint}huddle=1")).await;
    Member {
        id: client.id,
        socket: client.socket,
    }
}

/// Waits until the list of an instance is the expected one.
async fn expect_list(addr: SocketAddr, query: &str, expected: Value) {
    let start = Instant::now();
    loop {
        let found = list(addr, query).await;
        if found == expected {
            return;
        }
        assert!(start.elapsed() < LONG, "{found} is not {expected}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the lists of all these instances are the expected one.
async fn expect_lists(instances: &[SocketAddr], query: &str, rooms: &[Value]) {
    for addr in instances {
        expect_list(*addr, query, all(rooms)).await;
    }
}

#[tokio::test]
async fn room_of_one_instance_is_in_the_list_of_the_other() {
    let Some(redis) = Redis::start() else { return };
    let [one, other] = [start(&redis.url()).await, start(&redis.url()).await];
    let addrs = [one.addr, other.addr];
    let mut keeper = join(one.addr, "/a?listed=1&capacity=4&metadata=dust").await;
    let _game = join(other.addr, "/duel/b?listed=1").await;
    let _hidden = join(one.addr, "/hidden").await;
    let shared = Instant::now();
    expect_lists(&addrs, "", &[listing("a", 1, 4, "dust")]).await;
    println!("the list was shared after {:?}", shared.elapsed());
    expect_lists(&addrs, "?app=duel", &[listing("b", 1, 64, "")]).await;

    // A client joins through the other instance.
    let member = join(other.addr, "/a").await;
    expect_lists(&addrs, "", &[listing("a", 2, 4, "dust")]).await;
    drop(member);
    expect_lists(&addrs, "", &[listing("a", 1, 4, "dust")]).await;
    keeper
        .change(json!({"metadata": "\"ice\"", "capacity": 2}))
        .await;
    expect_lists(&addrs, "", &[listing("a", 1, 2, "\"ice\"")]).await;
    keeper.change(json!({"open": false})).await;
    expect_lists(&addrs, "", &[]).await;
    keeper.change(json!({"open": true})).await;
    expect_lists(&addrs, "", &[listing("a", 1, 2, "\"ice\"")]).await;
    keeper.socket.close(None).await.unwrap();
    expect_lists(&addrs, "", &[]).await;
    expect_lists(&addrs, "?app=duel", &[listing("b", 1, 64, "")]).await;
}

#[tokio::test]
async fn pages_of_the_list_contain_the_rooms_of_all_instances() {
    let Some(redis) = Redis::start() else { return };
    let [one, other] = [start(&redis.url()).await, start(&redis.url()).await];
    let mut keepers = Vec::new();
    for (addr, name) in [
        (one.addr, "d"),
        (other.addr, "c"),
        (one.addr, "b"),
        (other.addr, "a"),
    ] {
        keepers.push(join(addr, &format!("/{name}?listed=1")).await);
    }
    let rooms = ["a", "b", "c", "d"].map(|name| listing(name, 1, 64, ""));
    for addr in [one.addr, other.addr] {
        expect_list(addr, "", all(&rooms)).await;
        let page = json!({"rooms": rooms[..3], "next": "c"});
        assert_eq!(list(addr, "?limit=3").await, page);
        assert_eq!(list(addr, "?limit=3&after=c").await, all(&rooms[3..]));
    }
}

#[tokio::test]
async fn rooms_of_a_killed_instance_disappear_from_the_list() {
    let Some(redis) = Redis::start() else { return };
    let mut killed = Instance::start(&redis, &[]).await;
    let survivor = Instance::start(&redis, &[]).await;
    let lost = join(killed.addr, "/a?listed=1").await;
    let _stays = join(survivor.addr, "/b?listed=1").await;
    let rooms = ["a", "b"].map(|name| listing(name, 1, 64, ""));
    expect_lists(&[killed.addr, survivor.addr], "", &rooms).await;
    killed.process.kill().await.unwrap();
    expect_list(survivor.addr, "", all(&rooms[1..])).await;
    // The room forms again at the survivor, with other settings.
    drop(lost);
    let _back = join_again(survivor.addr, "/a?listed=1&metadata=new").await;
    let again = [listing("a", 1, 64, "new"), rooms[1].clone()];
    expect_list(survivor.addr, "", all(&again)).await;
}

#[tokio::test]
async fn rooms_of_a_draining_instance_disappear_from_the_list() {
    let Some(redis) = Redis::start() else { return };
    let draining = Instance::start(&redis, &["--drain", "60s"]).await;
    let other = Instance::start(&redis, &[]).await;
    let mut members = Vec::new();
    for n in 0..20 {
        members.push(join(draining.addr, &format!("/{n}?listed=1")).await);
    }
    let mut names: Vec<_> = (0..20).map(|n: u8| n.to_string()).collect();
    names.sort();
    let rooms: Vec<_> = names.iter().map(|name| listing(name, 1, 64, "")).collect();
    expect_list(other.addr, "", all(&rooms)).await;
    draining.signal("TERM").await;
    expect_list(other.addr, "", all(&[])).await;
}

#[tokio::test]
async fn lists_are_complete_after_redis_lost_its_data() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let [one, other] = [start(&redis.url()).await, start(&redis.url()).await];
    let _a = join(one.addr, "/a?listed=1").await;
    let _b = join(other.addr, "/b?listed=1").await;
    let mut rooms = ["a", "b"].map(|name| listing(name, 1, 64, ""));
    expect_lists(&[one.addr, other.addr], "", &rooms).await;
    redis.restart();
    // A new instance has received no list before.
    let new = start(&redis.url()).await;
    expect_lists(&[one.addr, other.addr, new.addr], "", &rooms).await;
    let _second = join_again(new.addr, "/a").await;
    rooms[0] = listing("a", 2, 64, "");
    expect_lists(&[one.addr, other.addr, new.addr], "", &rooms).await;
}
