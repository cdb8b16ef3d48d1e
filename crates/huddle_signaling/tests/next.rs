//! Groups of stock clients: `?next=N`.

mod common;

use std::collections::{HashMap, HashSet};

use common::{Client, local_config, start};
use serde_json::json;

#[tokio::test]
async fn players_are_grouped_in_order_of_arrival() {
    let server = start(local_config()).await;
    let mut a = Client::join(server.addr, "/room?next=2").await;
    let mut b = Client::join(server.addr, "/room?next=2").await;
    let mut c = Client::join(server.addr, "/room?next=2").await;
    let mut d = Client::join(server.addr, "/room?next=2").await;
    a.expect_new_peer(&b).await;
    c.expect_new_peer(&d).await;
    for client in [&mut a, &mut b, &mut c, &mut d] {
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn rooms_differ_by_name_and_group_size() {
    let server = start(local_config()).await;
    let mut pair = Client::join(server.addr, "/room?next=2").await;
    let mut open = Client::join(server.addr, "/room").await;
    let mut three = Client::join(server.addr, "/room?next=3").await;
    let mut other = Client::join(server.addr, "/other?next=2").await;
    for client in [&mut pair, &mut open, &mut three, &mut other] {
        client.expect_nothing().await;
    }
    let last = Client::join(server.addr, "/room?next=2&huddle=1").await;
    pair.expect_new_peer(&last).await;
    for client in [&mut open, &mut three, &mut other] {
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn waiting_member_that_leaves_is_replaced() {
    let server = start(local_config()).await;
    let mut a = Client::join(server.addr, "/room?next=3").await;
    let leaver = Client::join(server.addr, "/room?next=3").await;
    a.expect_new_peer(&leaver).await;
    let leaver = leaver.leave().await;
    a.expect_peer_left(leaver).await;
    let mut b = Client::join(server.addr, "/room?next=3").await;
    a.expect_new_peer(&b).await;
    let c = Client::join(server.addr, "/room?next=3").await;
    a.expect_new_peer(&c).await;
    b.expect_new_peer(&c).await;
    // The group is full and takes no more members.
    let _d = Client::join(server.addr, "/room?next=3").await;
    a.expect_nothing().await;
}

#[tokio::test]
async fn full_group_receives_signals_and_leaves() {
    let server = start(local_config()).await;
    let mut a = Client::join(server.addr, "/room?next=2").await;
    let b = Client::join(server.addr, "/room?next=2").await;
    a.expect_new_peer(&b).await;
    let mut waiting = Client::join(server.addr, "/room?next=2").await;
    let mut b = b;
    b.signal(a.id, json!(1)).await;
    b.signal(waiting.id, json!(2)).await;
    a.expect_signal(b.id, json!(1)).await;
    let b = b.leave().await;
    a.expect_peer_left(b).await;
    // The server does not fill the free place in the sealed group.
    let d = Client::join(server.addr, "/room?next=2").await;
    waiting.expect_new_peer(&d).await;
    a.expect_nothing().await;
    a.leave().await;
    waiting.expect_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_players_form_complete_groups() {
    const SIZE: usize = 4;
    const GROUPS: usize = 12;
    let server = start(local_config()).await;
    let joins: Vec<_> = (0..SIZE * GROUPS)
        .map(|_| tokio::spawn(Client::join(server.addr, "/room?next=4")))
        .collect();
    let mut clients = Vec::new();
    for join in joins {
        clients.push(join.await.unwrap());
    }
    let mut mates = HashMap::<_, HashSet<_>>::new();
    for client in &mut clients {
        for peer in client.announced().await {
            mates.entry(client.id).or_default().insert(peer);
            mates.entry(peer).or_default().insert(client.id);
        }
    }
    for client in &clients {
        let group = &mates[&client.id];
        assert_eq!(group.len(), SIZE - 1);
        for mate in group {
            let theirs = &mates[mate];
            assert!(
                group
                    .iter()
                    .all(|other| other == mate || theirs.contains(other))
            );
        }
    }
}
