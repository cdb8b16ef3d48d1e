//! Rooms without a game and stock clients, on either server.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use huddle_mesh::{Channel, PeerId, Room, RoomConfig, RoomEvent, SignalingId};
use huddle_tests::{
    Artifacts, Server, StockClient, StockServer,
    numbered::{self, ChannelCounts},
};
use uuid::Uuid;

use super::exchange::{
    EXCHANGE_TIMEOUT, MEETING_TIMEOUT, MIN_MESSAGES, Received, SEND_INTERVAL, check_counts,
};
use crate::rooms::until_connected;

const REMOVAL_TIMEOUT: Duration = Duration::from_secs(3);

/// A room without a game that exchanges numbered messages with stock clients.
struct NumberedRoom {
    room: Room,
    /// The next number and the received messages of each stock client.
    matchbox_clients: BTreeMap<PeerId, (u32, Received)>,
    /// The number of other peers that are not stock clients.
    huddle_peers: usize,
}

impl NumberedRoom {
    fn join(room: &str) -> anyhow::Result<Self> {
        Ok(Self {
            room: Room::join(RoomConfig::new(room)?)?,
            matchbox_clients: BTreeMap::new(),
            huddle_peers: 0,
        })
    }

    /// Records all received messages. Fails if a peer leaves or is reconnecting.
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
                RoomEvent::PeerJoined { .. } => self.huddle_peers += 1,
                RoomEvent::Packet {
                    peer_id: peer,
                    channel,
                    bytes,
                    ..
                } => {
                    let (_, received) = self
                        .matchbox_clients
                        .get_mut(&peer)
                        .with_context(|| format!("{peer} is not a matchbox client"))?;
                    received.channels[channel.index()].record(channel.index(), &bytes);
                }
                RoomEvent::Signaling(_) | RoomEvent::SettingsChanged(_) => {}
                event => bail!("unexpected event: {event:?}"),
            }
        }
        Ok(())
    }

    /// Returns the id of a stock client, which is made of its signaling id.
    fn peer(&self, id: &str) -> anyhow::Result<PeerId> {
        let sid = SignalingId::from_u128(id.parse::<Uuid>()?.as_u128());
        let peer = sid.peer_id();
        ensure!(
            self.matchbox_clients.contains_key(&peer),
            "{id} is not a matchbox client here: {:#?}",
            self.matchbox_clients
        );
        Ok(peer)
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

pub(crate) fn rooms_and_stock_clients_meet_on_the_stock_server(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = StockServer::start(artifacts)?;
    exchange(artifacts, &server.room("raw"))
}

/// Runs two rooms and two stock clients. Earlier members offer a link to each new one, so both
/// kinds offer to both kinds.
fn exchange(artifacts: &Artifacts, room: &str) -> anyhow::Result<()> {
    let mut ada = NumberedRoom::join(room)?;
    until_connected(&mut ada.room)?;
    let mut stan = StockClient::start(artifacts, "Stan", room)?;
    let stan_id = stan.wait_id()?;
    let mut bob = NumberedRoom::join(room)?;
    until_connected(&mut bob.room)?;
    let mut tess = StockClient::start(artifacts, "Tess", room)?;
    let tess_id = tess.wait_id()?;

    let began = Instant::now();
    let mut sent = Instant::now();
    loop {
        for ours in [&mut ada, &mut bob] {
            ours.poll()?;
            if sent.elapsed() >= SEND_INTERVAL {
                ours.send()?;
            }
        }
        if sent.elapsed() >= SEND_INTERVAL {
            sent = Instant::now();
        }
        let stock = [&mut stan, &mut tess].map(StockClient::report);
        let [stan, tess] = stock;
        let (stan, tess) = (stan?, tess?);
        let enough = |counts: &ChannelCounts| counts.messages >= MIN_MESSAGES;
        let ours_have = [&ada, &bob].iter().all(|ours| {
            ours.matchbox_clients.len() == 2
                && ours.huddle_peers == 1
                && ours
                    .matchbox_clients
                    .values()
                    .all(|(_, received)| received.channels.iter().all(enough))
        });
        let stock_have = [&stan, &tess].iter().all(|report| {
            report.peers.len() == 3
                && report
                    .peers
                    .values()
                    .all(|counts| counts.connected && counts.channels.iter().all(enough))
        });
        if ours_have && stock_have {
            break;
        }
        ensure!(
            began.elapsed() < MEETING_TIMEOUT + EXCHANGE_TIMEOUT,
            "some peers do not receive enough messages: Ada {:#?}, Bob {:#?}, Stan {stan:#?}, Tess {tess:#?}",
            ada.matchbox_clients,
            bob.matchbox_clients
        );
        thread::sleep(Duration::from_millis(5));
    }
    println!(
        "   all have received enough messages: {} ms",
        began.elapsed().as_millis()
    );

    for (name, ours) in [("Ada", &ada), ("Bob", &bob)] {
        for (id, name_of) in [(&stan_id, "Stan"), (&tess_id, "Tess")] {
            let (_, received) = &ours.matchbox_clients[&ours.peer(id)?];
            check_counts(name, name_of, &received.channels)?;
            ensure!(
                received
                    .channels
                    .iter()
                    .all(|channel| channel.first_byte_ff > 10),
                "{name} does not receive {name_of}'s messages that start with 0xFF: {received:#?}"
            );
        }
    }
    for (name, client) in [("Stan", &mut stan), ("Tess", &mut tess)] {
        for (id, counts) in client.report()?.peers {
            check_counts(name, &id, &counts.channels)?;
            ensure!(
                counts.connections == 1,
                "{name} connected to {id} {} times",
                counts.connections
            );
        }
    }

    // The other peers detect that a stock client leaves, and that a room leaves.
    let tess_left = Instant::now();
    let tess_peer = ada.peer(&tess_id)?;
    let leave = Bytes::from_static(numbered::LEAVE);
    ada.room.send(tess_peer, Channel::Events, leave)?;
    until_removed(&mut ada, tess_peer)?;
    until_removed(&mut bob, tess_peer)?;
    println!(
        "   a stock client that left is removed: {} ms",
        tess_left.elapsed().as_millis()
    );
    let bob_left = Instant::now();
    drop(bob);
    loop {
        let report = stan.report()?;
        let gone = report
            .peers
            .values()
            .filter(|counts| !counts.connected)
            .count();
        // Both Tess and Bob have left.
        if gone == 2 {
            break;
        }
        ensure!(
            bob_left.elapsed() < REMOVAL_TIMEOUT,
            "Stan has removed {gone} of two peers: {report:#?}"
        );
        thread::sleep(Duration::from_millis(30));
    }
    println!(
        "   a room that left is removed: {} ms",
        bob_left.elapsed().as_millis()
    );
    Ok(())
}

fn until_removed(ours: &mut NumberedRoom, peer_id: PeerId) -> anyhow::Result<()> {
    let began = Instant::now();
    while began.elapsed() < REMOVAL_TIMEOUT {
        match ours.room.poll() {
            Some(RoomEvent::PeerLeft { peer_id: left, .. }) if left == peer_id => return Ok(()),
            Some(RoomEvent::Packet { .. } | RoomEvent::SettingsChanged(_)) => {}
            Some(event) => bail!("unexpected event: {event:?}"),
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
    bail!("{peer_id} is still in the room after {REMOVAL_TIMEOUT:?}")
}
