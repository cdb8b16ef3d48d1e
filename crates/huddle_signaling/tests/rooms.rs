//! The events in rooms without `?next`.

mod common;

use std::collections::HashSet;

use common::{Client, local_config, next, start};
use futures_util::StreamExt;
use matchbox_protocol::JsonPeerEvent;
use serde_json::json;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

#[tokio::test]
async fn members_receive_joins_and_leaves() {
    let server = start(local_config()).await;
    let mut a = Client::join(server.addr, "/room").await;
    let mut b = Client::join(server.addr, "/room").await;
    a.expect_new_peer(&b).await;
    let c = Client::join(server.addr, "/room").await;
    a.expect_new_peer(&c).await;
    b.expect_new_peer(&c).await;
    let c = c.leave().await;
    a.expect_peer_left(c).await;
    b.expect_peer_left(c).await;
    a.expect_nothing().await;
    b.expect_nothing().await;
}

#[tokio::test]
async fn close_frame_is_answered() {
    let server = start(local_config()).await;
    let mut client = Client::join(server.addr, "/room").await;
    let code = CloseCode::Normal;
    let reason = "".into();
    let frame = CloseFrame { code, reason };
    client.socket.close(Some(frame.clone())).await.unwrap();
    let answer = next(&mut client.socket).await;
    assert_eq!(answer, Message::Close(Some(frame)));
    assert!(
        client.socket.next().await.is_none(),
        "the connection must end without an error"
    );
}

#[tokio::test]
async fn broken_connection_counts_as_leaving() {
    let server = start(local_config()).await;
    let mut a = Client::join(server.addr, "/room").await;
    let b = Client::join(server.addr, "/room").await;
    a.expect_new_peer(&b).await;
    let id = b.id;
    drop(b);
    a.expect_peer_left(id).await;
}

#[tokio::test]
async fn signals_reach_the_receiver_unchanged() {
    let server = start(local_config()).await;
    let mut a = Client::join(server.addr, "/room").await;
    let mut b = Client::join(server.addr, "/room").await;
    a.expect_new_peer(&b).await;
    a.signal(b.id, json!({"Offer": "v=0\r\n…"})).await;
    b.expect_signal(a.id, json!({"Offer": "v=0\r\n…"})).await;

    let odd = r#"{"z":1e2, "a":[12345678901234567890123,"\u00e9"]}"#;
    let request = format!(r#"{{"Signal":{{"receiver":"{}","data":{odd}}}}}"#, b.id);
    a.send(request).await;
    let Message::Text(text) = next(&mut b.socket).await else {
        panic!("a signal is text");
    };
    assert!(text.contains(odd), "{text}");
}

#[tokio::test]
async fn rooms_are_isolated() {
    let server = start(local_config()).await;
    let mut a = Client::join(server.addr, "/a").await;
    let mut b = Client::join(server.addr, "/b").await;
    let mut nameless = Client::join(server.addr, "/").await;
    let mut also_nameless = Client::join(server.addr, "").await;
    nameless.expect_new_peer(&also_nameless).await;
    a.signal(b.id, json!("hello?")).await;
    a.signal(nameless.id, json!("hello?")).await;
    a.expect_nothing().await;
    b.expect_nothing().await;
    nameless.expect_nothing().await;
    also_nameless.expect_nothing().await;
}

#[tokio::test]
async fn client_with_extensions_receives_member_list_and_keep_alives() {
    let server = start(local_config()).await;
    let mut stock = Client::join(server.addr, "/room").await;
    let mut extended = Client::join(server.addr, "/room?huddle=1").await;
    // Clients with and without extensions share a room.
    stock.expect_new_peer(&extended).await;
    stock.send("\"KeepAlive\"").await;
    stock.expect_nothing().await;
    let members = json!({ "Members": [stock.id] }).to_string();
    assert_eq!(next(&mut extended.socket).await, Message::text(members));
    extended.send("\"KeepAlive\"").await;
    assert_eq!(
        next(&mut extended.socket).await,
        Message::text("\"KeepAlive\"")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_joins_announce_each_pair_once() {
    const CLIENTS: usize = 48;
    let server = start(local_config()).await;
    let joins: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(Client::join(server.addr, "/room")))
        .collect();
    let mut clients = Vec::new();
    for join in joins {
        clients.push(join.await.unwrap());
    }
    let mut pairs = HashSet::new();
    for client in &mut clients {
        for peer in client.announced().await {
            assert_ne!(peer, client.id);
            assert!(!pairs.contains(&(peer, client.id)), "announced both ways");
            pairs.insert((client.id, peer));
        }
    }
    assert_eq!(pairs.len(), CLIENTS * (CLIENTS - 1) / 2);

    // Half of the clients leave at once. Every other client receives each `PeerLeft`.
    let (stay, go) = clients.split_at_mut(CLIENTS / 2);
    let gone: HashSet<_> = go.iter().map(|client| client.id).collect();
    futures_util::future::join_all(go.iter_mut().map(|client| client.socket.close(None))).await;
    for client in stay {
        let mut left = HashSet::new();
        while left.len() < gone.len() {
            match client.event().await {
                JsonPeerEvent::PeerLeft(peer) => assert!(left.insert(peer), "left twice"),
                other => panic!("unexpected {other:?}"),
            }
        }
        assert_eq!(left, gone);
        client.expect_nothing().await;
    }
}
