//! The same script with the stock full-mesh server and with ours: clients see the same events.

mod common;

use std::net::{Ipv4Addr, SocketAddr};

use common::{Client, local, start};
use futures_util::SinkExt;
use matchbox_protocol::PeerId;
use matchbox_signaling::SignalingServer;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

/// What each client saw, its ids replaced by the order of joining.
#[derive(Default)]
struct Log {
    ids: Vec<PeerId>,
    lines: Vec<String>,
}

impl Log {
    async fn join(&mut self, addr: SocketAddr, room: &str) -> Client {
        let client = Client::join(addr, room).await;
        self.ids.push(client.id);
        client
    }

    async fn hear(&mut self, client: &mut Client) {
        let event = client.event().await;
        self.lines.push(format!("{} hears {event}", client.id));
    }

    fn finish(self) -> Vec<String> {
        let rename = |line: &String| {
            let mut line = line.clone();
            for (n, id) in self.ids.iter().enumerate() {
                line = line.replace(&id.to_string(), &format!("peer {n}"));
            }
            line
        };
        self.lines.iter().map(rename).collect()
    }
}

async fn script(addr: SocketAddr) -> Vec<String> {
    let mut log = Log::default();
    let mut a = log.join(addr, "/room").await;
    let mut elsewhere = log.join(addr, "/other").await;
    let mut b = log.join(addr, "/room").await;
    log.hear(&mut a).await;
    let mut c = log.join(addr, "/room?unknown=1").await;
    log.hear(&mut a).await;
    log.hear(&mut b).await;

    a.signal(b.id, json!({"Offer": "v=0"})).await;
    log.hear(&mut b).await;
    b.signal(a.id, json!({"Answer": "v=0"})).await;
    b.signal(a.id, json!({"IceCandidate": "{\"candidate\":\"\"}"}))
        .await;
    log.hear(&mut a).await;
    log.hear(&mut a).await;

    // None of these does anything, nor ends the connection.
    c.send("\"KeepAlive\"").await;
    c.send("{").await;
    c.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    c.signal(PeerId(Uuid::nil()), json!(1)).await;
    c.signal(elsewhere.id, json!(2)).await;
    c.signal(a.id, json!(3)).await;
    log.hear(&mut a).await;
    c.signal(c.id, json!(4)).await;
    log.hear(&mut c).await;
    elsewhere.signal(elsewhere.id, json!(5)).await;
    log.hear(&mut elsewhere).await;

    b.leave().await;
    log.hear(&mut a).await;
    log.hear(&mut c).await;
    drop(c);
    log.hear(&mut a).await;
    log.finish()
}

#[tokio::test]
async fn clients_see_what_they_see_with_the_stock_server() {
    let mut stock = SignalingServer::full_mesh_builder((Ipv4Addr::LOCALHOST, 0)).build();
    let stock_addr = stock.bind().unwrap();
    tokio::spawn(stock.serve());
    let ours = start(local()).await;

    let expected = script(stock_addr).await;
    assert_eq!(expected.len(), 12);
    assert!(expected[0].contains("NewPeer"), "{expected:?}");
    assert_eq!(script(ours.addr).await, expected);
}
