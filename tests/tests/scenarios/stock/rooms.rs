//! Rooms without a game and stock clients, through either server.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use huddle_mesh::{Channel, PeerId, Room, RoomConfig, RoomEvent};
use huddle_tests::{
    Artifacts, Server, StockClient, StockServer,
    numbered::{self, Arrived},
};

use super::exchange::{ENOUGH, EXCHANGE, Heard, MEETING, SENDING, all_there};
use crate::rooms::until_connected;

const GONE: Duration = Duration::from_secs(3);

/// One of ours, without a game, who sends numbered messages to stock clients as they do to everybody.
struct Mesh {
    room: Room,
    matchbox_clients: BTreeMap<PeerId, (u32, Heard)>,
    ours: usize,
}

impl Mesh {
    fn join(room: &str) -> anyhow::Result<Self> {
        Ok(Self {
            room: Room::join(RoomConfig::new(room)?)?,
            matchbox_clients: BTreeMap::new(),
            ours: 0,
        })
    }

    /// Takes what has come. Nobody may leave or be unresponsive.
    fn poll(&mut self) -> anyhow::Result<()> {
        while let Some(event) = self.room.poll() {
            match event {
                RoomEvent::PeerJoined {
                    peer_id: peer,
                    is_matchbox_client,
                    ..
                } if is_matchbox_client => {
                    let known = self.matchbox_clients.insert(peer, Default::default());
                    ensure!(known.is_none(), "{peer} joins twice");
                }
                RoomEvent::PeerJoined { .. } => self.ours += 1,
                RoomEvent::Packet {
                    peer_id: peer,
                    channel,
                    bytes,
                    ..
                } => {
                    let (_, heard) = self
                        .matchbox_clients
                        .get_mut(&peer)
                        .with_context(|| format!("{peer} is not a matchbox client"))?;
                    heard.channels[channel.index()].take(channel.index(), &bytes);
                }
                RoomEvent::Signaling(_) => {}
                event => bail!("nothing of that sort should happen: {event:?}"),
            }
        }
        Ok(())
    }

    /// A stock client, which has the same id for itself, for its like and for us.
    fn peer(&self, id: &str) -> anyhow::Result<PeerId> {
        let mut known = self.matchbox_clients.keys().copied();
        known.find(|peer| peer.to_string() == id).with_context(|| {
            format!(
                "{id} is not a matchbox client here: {:#?}",
                self.matchbox_clients
            )
        })
    }

    fn send(&mut self) -> anyhow::Result<()> {
        for (&peer, (number, _)) in &mut self.matchbox_clients {
            for channel in Channel::ALL {
                let bytes = numbered::message(0x20, channel.index(), *number);
                self.room.send(peer, channel, Bytes::from(bytes))?;
            }
            *number += 1;
        }
        Ok(())
    }
}

pub(crate) fn rooms_and_stock_clients_exchange_raw_bytes(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    exchange(artifacts, &server.room("raw"))
}

pub(crate) fn the_stock_server_introduces_rooms_and_stock_clients(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = StockServer::start(artifacts)?;
    exchange(artifacts, &server.room("raw"))
}

/// Two of ours and two stock clients. Each is offered a link by those before, so both sorts offer to both.
fn exchange(artifacts: &Artifacts, room: &str) -> anyhow::Result<()> {
    let mut ada = Mesh::join(room)?;
    until_connected(&mut ada.room)?;
    let mut stan = StockClient::start(artifacts, "Stan", room)?;
    let stan_id = stan.wait_id()?;
    let mut bob = Mesh::join(room)?;
    until_connected(&mut bob.room)?;
    let mut tess = StockClient::start(artifacts, "Tess", room)?;
    let tess_id = tess.wait_id()?;

    let began = Instant::now();
    let mut sent = Instant::now();
    loop {
        for ours in [&mut ada, &mut bob] {
            ours.poll()?;
            if sent.elapsed() >= SENDING {
                ours.send()?;
            }
        }
        if sent.elapsed() >= SENDING {
            sent = Instant::now();
        }
        let stock = [&mut stan, &mut tess].map(StockClient::report);
        let [stan, tess] = stock;
        let (stan, tess) = (stan?, tess?);
        let enough = |arrived: &Arrived| arrived.messages >= ENOUGH;
        let ours_have = [&ada, &bob].iter().all(|ours| {
            ours.matchbox_clients.len() == 2
                && ours.ours == 1
                && ours
                    .matchbox_clients
                    .values()
                    .all(|(_, heard)| heard.channels.iter().all(enough))
        });
        let stock_have = [&stan, &tess].iter().all(|report| {
            report.peers.len() == 3
                && report
                    .peers
                    .values()
                    .all(|met| met.connected && met.channels.iter().all(enough))
        });
        if ours_have && stock_have {
            break;
        }
        ensure!(
            began.elapsed() < MEETING + EXCHANGE,
            "they do not all hear each other: Ada {:#?}, Bob {:#?}, Stan {stan:#?}, Tess {tess:#?}",
            ada.matchbox_clients,
            bob.matchbox_clients
        );
        thread::sleep(Duration::from_millis(5));
    }
    println!("   all hear all: {} ms", began.elapsed().as_millis());

    for (name, ours) in [("Ada", &ada), ("Bob", &bob)] {
        for (id, name_of) in [(&stan_id, "Stan"), (&tess_id, "Tess")] {
            let (_, heard) = &ours.matchbox_clients[&ours.peer(id)?];
            all_there(name, name_of, &heard.channels)?;
            ensure!(
                heard.channels.iter().all(|channel| channel.led_by_ff > 10),
                "{name} does not hear {name_of}'s messages that begin with 0xFF: {heard:#?}"
            );
        }
    }
    for (name, client) in [("Stan", &mut stan), ("Tess", &mut tess)] {
        for (id, met) in client.report()?.peers {
            all_there(name, &id, &met.channels)?;
            ensure!(met.times == 1, "{name} met {id} {} times", met.times);
        }
    }

    // A stock client that leaves, and one of ours that does, are gone for the others.
    let tess_left = Instant::now();
    let tess_peer = ada.peer(&tess_id)?;
    let leave = Bytes::from_static(numbered::LEAVE);
    ada.room.send(tess_peer, Channel::Events, leave)?;
    gone(&mut ada, tess_peer)?;
    gone(&mut bob, tess_peer)?;
    println!(
        "   a stock client that left is gone: {} ms",
        tess_left.elapsed().as_millis()
    );
    let bob_left = Instant::now();
    drop(bob);
    loop {
        let report = stan.report()?;
        let gone = report.peers.values().filter(|met| !met.connected).count();
        // Tess and Bob.
        if gone == 2 {
            break;
        }
        ensure!(
            bob_left.elapsed() < GONE,
            "Stan still has {gone} of two: {report:#?}"
        );
        thread::sleep(Duration::from_millis(30));
    }
    println!(
        "   one of ours that left is gone: {} ms",
        bob_left.elapsed().as_millis()
    );
    Ok(())
}

fn gone(ours: &mut Mesh, who: PeerId) -> anyhow::Result<()> {
    let began = Instant::now();
    while began.elapsed() < GONE {
        match ours.room.poll() {
            Some(RoomEvent::PeerLeft { peer_id: peer, .. }) if peer == who => return Ok(()),
            Some(RoomEvent::Packet { .. }) => {}
            Some(event) => bail!("nothing of that sort should happen: {event:?}"),
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
    bail!("{who} is still here after {GONE:?}")
}
