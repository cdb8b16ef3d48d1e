//! Runs one script with matchbox's full-mesh server and with this one. The clients must receive the
//! same events.

mod common;

use std::net::{Ipv4Addr, SocketAddr};

use common::{Client, local_config, start};
use futures_util::SinkExt;
use matchbox_protocol::PeerId;
use matchbox_signaling::SignalingServer;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

/// The events that the clients received. [`finish`](Self::finish) replaces the ids with the order of
/// joining.
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

    async fn record(&mut self, client: &mut Client) {
        let event = client.event().await;
        self.lines.push(format!("{} receives {event}", client.id));
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
    log.record(&mut a).await;
    let mut c = log.join(addr, "/room?unknown=1").await;
    log.record(&mut a).await;
    log.record(&mut b).await;

    a.signal(b.id, json!({"Offer": "v=0"})).await;
    log.record(&mut b).await;
    b.signal(a.id, json!({"Answer": "v=0"})).await;
    b.signal(a.id, json!({"IceCandidate": "{\"candidate\":\"\"}"}))
        .await;
    log.record(&mut a).await;
    log.record(&mut a).await;

    // The server ignores these messages and keeps the connection.
    c.send("\"KeepAlive\"").await;
    c.send("{").await;
    c.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    c.signal(PeerId(Uuid::nil()), json!(1)).await;
    c.signal(elsewhere.id, json!(2)).await;
    c.signal(a.id, json!(3)).await;
    log.record(&mut a).await;
    c.signal(c.id, json!(4)).await;
    log.record(&mut c).await;
    elsewhere.signal(elsewhere.id, json!(5)).await;
    log.record(&mut elsewhere).await;

    b.leave().await;
    log.record(&mut a).await;
    log.record(&mut c).await;
    drop(c);
    log.record(&mut a).await;
    log.finish()
}

#[tokio::test]
async fn clients_receive_the_same_events_as_from_the_stock_server() {
    let mut stock = SignalingServer::full_mesh_builder((Ipv4Addr::LOCALHOST, 0)).build();
    let stock_addr = stock.bind().unwrap();
    tokio::spawn(stock.serve());
    let ours = start(local_config()).await;

    let expected = script(stock_addr).await;
    assert_eq!(expected.len(), 12);
    assert!(expected[0].contains("NewPeer"), "{expected:?}");
    assert_eq!(script(ours.addr).await, expected);
}
