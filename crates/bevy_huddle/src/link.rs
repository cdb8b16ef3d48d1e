use std::collections::{BTreeMap, VecDeque};

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{Channel, PeerId, RoomEvent};
use huddle_sync::{KindId, Kinds, OwnStates, PacketError, PeerSession, QueueError, Received};

use crate::{
    LinkStats,
    queue::{EventQueue, Queued},
    room::Rooms,
    transport::Transport,
};

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
    me: PeerId,
    peers: BTreeMap<PeerId, PeerLink>,
    /// What this player has sent to themselves.
    echoes: VecDeque<(KindId, Bytes)>,
    tick: u64,
}

struct PeerLink {
    entity: Entity,
    foreign: bool,
    session: PeerSession,
    events: EventQueue,
    rejected: u32,
    bad_packets: u32,
}

impl RoomLink {
    pub(crate) fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            me: transport.me(),
            transport: Some(transport),
            peers: BTreeMap::new(),
            echoes: VecDeque::new(),
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
        let link = PeerLink {
            entity,
            foreign,
            session: PeerSession::default(),
            events: EventQueue::default(),
            rejected: 0,
            bad_packets: 0,
        };
        self.peers.insert(peer, link);
    }

    /// Forgets a peer; their entity and what they did not get, if they were here.
    pub(crate) fn remove(&mut self, peer: PeerId) -> Option<(Entity, EventQueue)> {
        let link = self.peers.remove(&peer)?;
        Some((link.entity, link.events))
    }

    pub(crate) fn cut(&mut self, peer: PeerId) {
        if let Some(transport) = &mut self.transport {
            transport.cut(peer);
        }
    }

    pub(crate) fn me(&self) -> PeerId {
        self.me
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

    pub(crate) fn stats(&self, peer: PeerId) -> Option<LinkStats> {
        let network = self.transport.as_ref()?.stats(peer)?;
        let queued = self.queued(peer);
        Some(LinkStats {
            network,
            queued_events: queued.events,
            queued_event_bytes: queued.bytes,
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

    /// What waits for a peer.
    pub(crate) fn queued(&self, peer: PeerId) -> Queued {
        self.peers
            .get(&peer)
            .map_or_else(Queued::default, |link| link.events.queued())
    }

    /// Whether an event of `len` bytes can be queued for a peer.
    pub(crate) fn check_queue(&self, peer: PeerId, len: usize) -> Result<(), QueueError> {
        self.peers
            .get(&peer)
            .map_or(Ok(()), |link| link.events.check(len))
    }

    /// Puts an event behind those that wait for a peer.
    pub(crate) fn queue(&mut self, peer: PeerId, kind: KindId, payload: Bytes) {
        if let Some(link) = self.peers.get_mut(&peer) {
            link.events.push(kind, payload);
        }
    }

    /// Keeps an event until this player receives it.
    pub(crate) fn echo(&mut self, kind: KindId, payload: Bytes) {
        self.echoes.push_back((kind, payload));
    }

    pub(crate) fn echo_count(&self) -> usize {
        self.echoes.len()
    }

    pub(crate) fn pop_echo(&mut self) -> Option<(KindId, Bytes)> {
        self.echoes.pop_front()
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
            let credit = transport.credit(peer, Channel::Events);
            link.events.feed(&mut link.session, credit);
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
pub(crate) fn on_link_removed(
    removed: On<Discard, RoomLink>,
    mut links: Query<&mut RoomLink>,
    mut rooms: ResMut<Rooms>,
) {
    rooms.retain(|&room| room != removed.entity);
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
