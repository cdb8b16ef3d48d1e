use std::collections::BTreeMap;

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{Channel, PeerId, RoomEvent};
use huddle_sync::{KindId, Kinds, OwnStates, PacketError, PeerSession, QueueError, Received};

use crate::transport::Transport;

/// How many malformed packets are borne before a peer is cut off.
const MAX_BAD_PACKETS: u32 = 64;

/// A room's transport and what is under way with each peer; on the room entity until it fails.
///
/// However it goes, the room is left: without waiting while the app runs, and by dropping the
/// transport, which lets the farewell out, when the app ends.
#[derive(Component)]
pub(crate) struct RoomLink {
    /// `None` once the room is left.
    transport: Option<Box<dyn Transport>>,
    peers: BTreeMap<PeerId, PeerLink>,
    tick: u64,
}

struct PeerLink {
    entity: Entity,
    foreign: bool,
    session: PeerSession,
    rejected: u32,
    bad_packets: u32,
}

impl RoomLink {
    pub(crate) fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport: Some(transport),
            peers: BTreeMap::new(),
            tick: 0,
        }
    }

    pub(crate) fn poll(&mut self) -> Option<RoomEvent> {
        self.transport.as_mut()?.poll()
    }

    /// Leaves, after what waits was handed to the network as far as it takes it.
    fn leave(&mut self) {
        self.send_events();
        if let Some(transport) = self.transport.take() {
            transport.leave();
        }
    }

    pub(crate) fn add(&mut self, peer: PeerId, entity: Entity, foreign: bool) {
        let session = PeerSession::default();
        let link = PeerLink {
            entity,
            foreign,
            session,
            rejected: 0,
            bad_packets: 0,
        };
        self.peers.insert(peer, link);
    }

    /// Forgets a peer; their entity, if they were here.
    pub(crate) fn remove(&mut self, peer: PeerId) -> Option<Entity> {
        self.peers.remove(&peer).map(|link| link.entity)
    }

    pub(crate) fn cut(&mut self, peer: PeerId) {
        if let Some(transport) = &mut self.transport {
            transport.cut(peer);
        }
    }

    pub(crate) fn entity(&self, peer: PeerId) -> Option<Entity> {
        self.peers.get(&peer).map(|link| link.entity)
    }

    pub(crate) fn is_foreign(&self, peer: PeerId) -> bool {
        self.peers.get(&peer).is_some_and(|link| link.foreign)
    }

    pub(crate) fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.peers.keys().copied()
    }

    pub(crate) fn peer_count(&self) -> usize {
        self.peers.len()
    }

    pub(crate) fn stats(&self) -> impl Iterator<Item = (Entity, huddle_mesh::LinkStats)> {
        self.peers.iter().filter_map(|(&peer, link)| {
            let stats = self.transport.as_ref()?.stats(peer)?;
            Some((link.entity, stats))
        })
    }

    /// Takes a packet apart. Nothing comes of packets from peers that are not here or foreign.
    pub(crate) fn receive(
        &mut self,
        peer: PeerId,
        kinds: &Kinds,
        bytes: Bytes,
    ) -> Result<Vec<Received>, PacketError> {
        match self.peers.get_mut(&peer) {
            Some(link) if !link.foreign => link
                .session
                .receive(kinds, bytes)
                .inspect_err(|_| link.bad_packets += 1),
            _ => Ok(Vec::new()),
        }
    }

    /// Whether a peer has sent more malformed packets than is borne.
    pub(crate) fn misbehaves(&self, peer: PeerId) -> bool {
        self.peers
            .get(&peer)
            .is_some_and(|link| link.bad_packets > MAX_BAD_PACKETS)
    }

    /// Counts something rejected; whether it should be logged, which grows rarer.
    pub(crate) fn count_rejected(&mut self, peer: PeerId) -> bool {
        self.peers.get_mut(&peer).is_some_and(|link| {
            link.rejected = link.rejected.saturating_add(1);
            link.rejected.is_power_of_two()
        })
    }

    pub(crate) fn queue_event(
        &mut self,
        peer: PeerId,
        kind: KindId,
        payload: Bytes,
    ) -> Result<(), QueueError> {
        match self.peers.get_mut(&peer) {
            Some(link) => link.session.queue_event(kind, payload),
            None => Ok(()),
        }
    }

    /// Sends this tick's state to every peer.
    pub(crate) fn send_state(&mut self, own: &OwnStates) {
        let Some(transport) = &mut self.transport else {
            return;
        };
        for (&peer, link) in self.peers.iter_mut().filter(|(_, link)| !link.foreign) {
            let credit = transport.credit(peer, Channel::State);
            if let Some(packet) = link.session.collect_state(own, self.tick, credit) {
                send(&mut **transport, peer, Channel::State, packet);
            }
        }
        self.tick += 1;
    }

    /// Sends the events that wait, as far as the links take them.
    pub(crate) fn send_events(&mut self) {
        let Some(transport) = &mut self.transport else {
            return;
        };
        for (&peer, link) in &mut self.peers {
            loop {
                let credit = transport.credit(peer, Channel::Events);
                let Some(packet) = link.session.collect_events(credit) else {
                    break;
                };
                if !send(&mut **transport, peer, Channel::Events, packet) {
                    break;
                }
            }
        }
    }
}

/// Leaves the room whose link is taken off or despawned.
pub(crate) fn on_link_removed(removed: On<Discard, RoomLink>, mut links: Query<&mut RoomLink>) {
    if let Ok(mut link) = links.get_mut(removed.entity) {
        link.leave();
    }
}

/// Sends within the credit given, so that only a link that is just going can refuse.
fn send(transport: &mut dyn Transport, peer: PeerId, channel: Channel, packet: Bytes) -> bool {
    transport
        .send(peer, channel, packet)
        .inspect_err(|error| log::warn!("a {channel} packet to {peer} was not sent: {error}"))
        .is_ok()
}
