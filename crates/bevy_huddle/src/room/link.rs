use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bevy::{platform::time::Instant, prelude::*};
use bytes::Bytes;
use huddle_mesh::{Channel, LeaveReason, LinkFailure, PeerId, RoomEvent, SendError};
use huddle_session::{
    KindId, Lane, MessageError as PacketError, OfferError, OwnStates, RoomSession, SessionEvent,
    TransferEvent, TransferId,
};

use crate::{
    events::MessageError,
    message::registry::{Declared, MessageKinds},
    peer::{components::LinkStats, pending::PendingReason},
    receive::apply::part,
    room::components::Rooms,
    transport::Transport,
};

/// How many malformed packets are borne before a peer is cut off.
const MAX_BAD_PACKETS: u32 = 64;

/// The number of peers without a link that are remembered.
const MAX_UNLINKED: usize = 256;

/// How long a paused game may keep the others waiting for acks, at most; in ticks at the least.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_TICKS: u32 = 3;

/// A room's transport, its session, and what is known of each peer; on the room entity until it
/// fails.
///
/// However it goes, the room is left: without waiting while the app runs, and by dropping the
/// transport, which lets the farewell out, when the app ends.
#[derive(Component)]
pub(crate) struct RoomLink {
    /// `None` once the room is left.
    transport: Option<Box<dyn Transport>>,
    pub(crate) session: RoomSession,
    /// As declared when the room was joined, which is what peers are told.
    kinds: MessageKinds,
    me: PeerId,
    joined: Instant,
    ticked: Duration,
    pause: Duration,
    peers: BTreeMap<PeerId, PeerLink>,
    /// Peers in the room to which no link opens, by the id that is known of them, and why.
    unlinked: BTreeMap<PeerId, LinkFailure>,
    /// What this player has sent to themselves.
    echoes: VecDeque<(KindId, Bytes)>,
    /// Whether who is linked with whom may have changed since it was last shown.
    pub(crate) is_mesh_stale: bool,
}

#[derive(Default)]
struct PeerLink {
    presence: Presence,
    /// Why the peer leaves, while its last events are triggered. The first reason counts.
    leaving: Option<LeaveReason>,
    foreign: bool,
    /// Whether one of the two games refused the other.
    is_refused: bool,
    /// Whether they were here before.
    returning: bool,
    /// What the transfers under way are called.
    labels: BTreeMap<TransferId, String>,
    rejected: u32,
    bad_packets: u32,
}

/// Whether the world has an entity for a peer.
///
/// Observers can leave the room or despawn the peer in the middle of any step. `PeerLeft` follows
/// exactly once after each `PeerJoined`, because only [`Presence::Here`] leads to it, and the code that
/// takes the entity from the link reports it.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// Before the handshake is done.
    #[default]
    Absent,
    /// The entity gets its components; `PeerJoined` comes next.
    Arriving(Entity),
    /// `PeerJoined` was triggered.
    Here(Entity),
}

/// A peer whose entity was taken from its link, so that it is despawned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Departure {
    pub(crate) peer: PeerId,
    pub(crate) entity: Entity,
    pub(crate) reason: LeaveReason,
    /// Whether `PeerJoined` was triggered, so that `PeerLeft` has to be.
    pub(crate) has_joined: bool,
}

impl Presence {
    fn entity(self) -> Option<Entity> {
        match self {
            Self::Absent => None,
            Self::Arriving(entity) | Self::Here(entity) => Some(entity),
        }
    }
}

impl PeerLink {
    fn depart(&mut self, peer: PeerId, reason: LeaveReason) -> Option<Departure> {
        let presence = std::mem::take(&mut self.presence);
        Some(Departure {
            peer,
            entity: presence.entity()?,
            reason: self.leaving.take().unwrap_or(reason),
            has_joined: matches!(presence, Presence::Here(_)),
        })
    }
}

impl RoomLink {
    pub(crate) fn new(
        transport: Box<dyn Transport>,
        session: RoomSession,
        kinds: MessageKinds,
        tick: Duration,
    ) -> Self {
        Self {
            me: transport.me(),
            joined: transport.now(),
            transport: Some(transport),
            session,
            kinds,
            ticked: Duration::ZERO,
            pause: PAUSE.max(tick * PAUSE_TICKS),
            peers: BTreeMap::new(),
            unlinked: BTreeMap::new(),
            echoes: VecDeque::new(),
            is_mesh_stale: false,
        }
    }

    pub(crate) fn poll(&mut self) -> Option<RoomEvent> {
        self.transport.as_mut()?.poll()
    }

    pub(crate) fn poll_session(&mut self) -> Option<SessionEvent> {
        self.session.poll()
    }

    /// The time since the room was joined.
    pub(crate) fn now(&self) -> Duration {
        self.transport.as_ref().map_or(self.ticked, |transport| {
            transport.now().saturating_duration_since(self.joined)
        })
    }

    /// Leaves, after what waits was handed to the network as far as it takes it.
    fn leave(&mut self) {
        self.send_events();
        if let Some(transport) = self.transport.take() {
            transport.leave();
        }
    }

    /// A link opened: the handshake begins.
    pub(crate) fn open(&mut self, peer: PeerId, returning: bool) {
        let link = PeerLink {
            returning,
            ..default()
        };
        self.peers.insert(peer, link);
        self.session.link_opened(peer, self.now());
    }

    /// A stock client is here: without a handshake, since it knows of none.
    pub(crate) fn open_foreign(&mut self, peer: PeerId) {
        let link = PeerLink {
            foreign: true,
            ..default()
        };
        self.peers.insert(peer, link);
    }

    /// A peer gets an entity, which has no components yet.
    pub(crate) fn arrive(&mut self, peer: PeerId, entity: Entity) {
        if let Some(link) = self.peers.get_mut(&peer) {
            link.presence = Presence::Arriving(entity);
            self.is_mesh_stale = true;
        }
    }

    /// A peer's entity is complete. Returns whether the peer still has this entity.
    pub(crate) fn settle(&mut self, peer: PeerId, entity: Entity) -> bool {
        match self.peers.get_mut(&peer) {
            Some(link) if link.presence == Presence::Arriving(entity) => {
                link.presence = Presence::Here(entity);
                true
            }
            _ => false,
        }
    }

    /// Begins to take leave of a peer: what it did not confirm is reported next.
    pub(crate) fn begin_leaving(&mut self, peer: PeerId, reason: LeaveReason) {
        if let Some(link) = self.peers.get_mut(&peer) {
            link.leaving.get_or_insert(reason);
            self.session.link_lost(peer);
        }
    }

    /// A peer starts again over the same link: takes the entity off.
    pub(crate) fn take_entity(&mut self, peer: PeerId, reason: LeaveReason) -> Option<Departure> {
        self.is_mesh_stale = true;
        let link = self.peers.get_mut(&peer)?;
        link.labels.clear();
        link.returning = true;
        link.depart(peer, reason)
    }

    /// Forgets a peer; its entity, if it had one, is for the caller to despawn.
    pub(crate) fn forget(&mut self, peer: PeerId, reason: LeaveReason) -> Option<Departure> {
        self.is_mesh_stale = true;
        self.session.link_lost(peer);
        self.peers.remove(&peer)?.depart(peer, reason)
    }

    /// The two games do not play together, so the peer does not wait for anything any more.
    pub(crate) fn set_refused(&mut self, peer: PeerId) {
        if let Some(link) = self.peers.get_mut(&peer) {
            link.is_refused = true;
        }
    }

    /// No link to a peer opens; `None` once that is not true any more.
    pub(crate) fn set_unlinked(&mut self, peer: PeerId, reason: Option<LinkFailure>) {
        match reason {
            None => drop(self.unlinked.remove(&peer)),
            Some(reason) if self.unlinked.len() < MAX_UNLINKED => {
                self.unlinked.insert(peer, reason);
            }
            Some(reason) => {
                if let Some(known) = self.unlinked.get_mut(&peer) {
                    *known = reason;
                }
            }
        }
    }

    /// Whether a peer is linked that has not joined and was not refused.
    pub(crate) fn is_pending(&self, peer: PeerId) -> bool {
        self.pending_links().any(|pending| pending == peer)
    }

    /// Whether any peer is in the room that has not joined.
    pub(crate) fn has_pending(&self) -> bool {
        !self.unlinked.is_empty() || self.pending_links().next().is_some()
    }

    fn pending_links(&self) -> impl Iterator<Item = PeerId> {
        let pending = self.peers.iter().filter(|(_, link)| {
            link.presence == Presence::Absent && !link.foreign && !link.is_refused
        });
        pending.map(|(&peer, _)| peer)
    }

    /// The peers that are in the room and have not joined, in the order of their ids.
    pub(crate) fn pending(&self) -> Vec<(PeerId, PendingReason)> {
        let unlinked = self.unlinked.iter();
        let mut pending: BTreeMap<_, _> = unlinked
            .map(|(&peer, reason)| (peer, PendingReason::NoLink(reason.clone())))
            .collect();
        pending.extend(self.pending_links().map(|peer| {
            let network = self.transport.as_ref().and_then(|it| it.stats(peer));
            let stopped = network.and_then(|stats| stats.stopped);
            let reason = match stopped {
                Some(stopped) => stopped.into(),
                None if self.session.is_unanswered(peer) => PendingReason::Busy,
                None => PendingReason::Connecting,
            };
            (peer, reason)
        }));
        pending.into_iter().collect()
    }

    /// Ends the link to a peer, after what waits for it was handed to the network.
    ///
    /// What waits may be the end of the handshake. Without it the other side would have no peer to
    /// take leave of.
    pub(crate) fn cut(&mut self, peer: PeerId) {
        let now = self.now();
        let Some(transport) = self.transport.as_deref_mut() else {
            return;
        };
        if self.peers.get(&peer).is_some_and(|link| !link.foreign) {
            send_all(transport, &mut self.session, peer, Channel::Events, now);
        }
        transport.cut(peer);
    }

    pub(crate) fn me(&self) -> PeerId {
        self.me
    }

    pub(crate) fn kinds(&self) -> &MessageKinds {
        &self.kinds
    }

    /// Whether there is a link to a peer, who need not have an entity yet.
    pub(crate) fn knows(&self, peer: PeerId) -> bool {
        self.peers.contains_key(&peer)
    }

    pub(crate) fn entity(&self, peer: PeerId) -> Option<Entity> {
        self.peers.get(&peer)?.presence.entity()
    }

    /// The peer that has this entity.
    pub(crate) fn find(&self, entity: Entity) -> Option<PeerId> {
        let mut peers = self.peers.iter();
        let (&peer, _) = peers.find(|(_, link)| link.presence.entity() == Some(entity))?;
        Some(peer)
    }

    pub(crate) fn is_foreign(&self, peer: PeerId) -> bool {
        self.peers.get(&peer).is_some_and(|link| link.foreign)
    }

    pub(crate) fn is_returning(&self, peer: PeerId) -> bool {
        self.peers.get(&peer).is_some_and(|link| link.returning)
    }

    /// Those who have an entity.
    pub(crate) fn peers(&self) -> impl Iterator<Item = PeerId> {
        let here = |link: &PeerLink| link.presence != Presence::Absent;
        let peers = self.peers.iter();
        peers
            .filter(move |(_, link)| here(link))
            .map(|(&peer, _)| peer)
    }

    pub(crate) fn peer_count(&self) -> usize {
        self.peers().count()
    }

    pub(crate) fn stats(&self, peer: PeerId) -> Option<LinkStats> {
        let network = self.transport.as_ref()?.stats(peer)?;
        Some(match self.session.stats(peer) {
            Some(session) => LinkStats {
                network,
                delivery: session.delivery,
                queued_events: session.queued_events,
                queued_event_bytes: session.queued_event_bytes,
                events_sent: session.events_sent,
                events_received: session.events_received,
            },
            None => LinkStats {
                network,
                ..default()
            },
        })
    }

    /// Takes a packet of a peer that is not foreign. Nothing comes of packets from peers that are not here.
    pub(crate) fn receive(
        &mut self,
        peer: PeerId,
        channel: Channel,
        bytes: Bytes,
        arrived: Instant,
    ) -> Result<(), PacketError> {
        let now = self.now();
        let arrived = arrived.saturating_duration_since(self.joined).min(now);
        let lane = match channel {
            Channel::State => Lane::State,
            Channel::Events => Lane::Events,
            Channel::Bulk => Lane::Bulk,
        };
        match self.peers.get_mut(&peer) {
            Some(link) => self
                .session
                .receive(peer, lane, bytes, arrived)
                .inspect_err(|_| link.bad_packets += 1),
            None => Ok(()),
        }
    }

    /// Sends bytes to a stock client as they are, at once.
    pub(crate) fn send_raw(
        &mut self,
        peer: PeerId,
        channel: Channel,
        bytes: Bytes,
    ) -> Result<(), MessageError> {
        if !self.is_foreign(peer) {
            return Err(MessageError::NotForeign);
        }
        match &mut self.transport {
            Some(transport) => Ok(transport.send(peer, channel, bytes)?),
            None => Err(SendError::NoLink.into()),
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

    /// How many bytes of events a peer has not confirmed.
    pub(crate) fn queued(&self, peer: PeerId) -> usize {
        let stats = self.session.stats(peer);
        stats.map_or(0, |stats| stats.queued_event_bytes)
    }

    /// Whether this room knows a kind of event, which later declarations do not change.
    pub(crate) fn check_kind(&self, event: Declared) -> Result<(), MessageError> {
        let handler = self.kinds.handler(event.kind);
        handler.map(drop).ok_or(MessageError::NotDeclared)
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

    /// Offers bytes to a peer.
    pub(crate) fn offer(
        &mut self,
        peer: PeerId,
        label: &str,
        bytes: Bytes,
    ) -> Result<(), OfferError> {
        if let Some(offered) = self.session.offer(peer, label, bytes)
            && let Some(link) = self.peers.get_mut(&peer)
        {
            link.labels.insert(offered?, label.to_owned());
        }
        Ok(())
    }

    /// What a transfer that there is news of is called. At its end it is forgotten.
    pub(crate) fn label(&mut self, peer: PeerId, event: &TransferEvent) -> String {
        let Some(link) = self.peers.get_mut(&peer) else {
            return String::new();
        };
        match event {
            TransferEvent::Started { id, label, .. } => {
                link.labels.insert(*id, label.clone());
                label.clone()
            }
            TransferEvent::Progress { id, .. } => link.labels.get(id).cloned().unwrap_or_default(),
            TransferEvent::Received { id, .. }
            | TransferEvent::Delivered { id }
            | TransferEvent::Failed { id, .. } => link.labels.remove(id).unwrap_or_default(),
        }
    }

    /// A tick begins.
    pub(crate) fn advance(&mut self) {
        self.ticked = self.now();
        if let Some(transport) = &self.transport
            && self.session.has_capacity()
        {
            for &peer in self.peers.keys() {
                if let Some(stats) = transport.stats(peer) {
                    let is_stopped = stats.stopped.is_some();
                    self.session.set_activity(peer, is_stopped, stats.silence);
                }
            }
        }
        self.session.advance(self.ticked);
    }

    /// Whether the game has had no tick for so long that peers would miss the acks.
    pub(crate) fn is_paused(&self) -> bool {
        self.now().saturating_sub(self.ticked) >= self.pause
    }

    /// Sends what a tick sends: its packet first, so that nothing else keeps it waiting.
    pub(crate) fn send_tick(&mut self, own: &OwnStates) {
        let now = self.now();
        let Some(transport) = self.transport.as_deref_mut() else {
            return;
        };
        for (&peer, _) in self.peers.iter().filter(|(_, link)| !link.foreign) {
            loop {
                let credit = transport.credit(peer, Channel::State);
                let packet = self.session.collect(peer, Lane::State, now, own, credit);
                let Some(packet) = packet else { break };
                if !send(transport, peer, Channel::State, packet) {
                    break;
                }
            }
            send_all(transport, &mut self.session, peer, Channel::Events, now);
            send_all(transport, &mut self.session, peer, Channel::Bulk, now);
        }
    }

    /// Sends the events that wait, as far as the links take them.
    pub(crate) fn send_events(&mut self) {
        let now = self.now();
        let Some(transport) = self.transport.as_deref_mut() else {
            return;
        };
        for (&peer, _) in self.peers.iter().filter(|(_, link)| !link.foreign) {
            send_all(transport, &mut self.session, peer, Channel::Events, now);
        }
    }
}

/// Leaves the room whose link is taken off or despawned, and takes leave of the peers that are
/// still in it.
pub(crate) fn on_link_removed(
    removed: On<Discard, RoomLink>,
    mut links: Query<&mut RoomLink>,
    mut rooms: ResMut<Rooms>,
    mut commands: Commands,
) {
    rooms.retain(|&room| room != removed.entity);
    if let Ok(mut link) = links.get_mut(removed.entity) {
        link.leave();
        for (peer, mut link) in std::mem::take(&mut link.peers) {
            if let Some(departure) = link.depart(peer, LeaveReason::Cut) {
                commands.queue(move |world: &mut World| part(world, departure));
            }
        }
    }
}

/// Sends what there is for a reliable channel, as far as the link takes it.
fn send_all(
    transport: &mut dyn Transport,
    session: &mut RoomSession,
    peer: PeerId,
    channel: Channel,
    now: Duration,
) {
    let lane = match channel {
        Channel::Bulk => Lane::Bulk,
        _ => Lane::Events,
    };
    // State goes by packets of ticks alone.
    let own = OwnStates::default();
    loop {
        let credit = transport.credit(peer, channel);
        let Some(packet) = session.collect(peer, lane, now, &own, credit) else {
            break;
        };
        if !send(transport, peer, channel, packet) {
            break;
        }
    }
}

/// Sends within the credit given, so that only a link that is just going can refuse.
fn send(transport: &mut dyn Transport, peer: PeerId, channel: Channel, packet: Bytes) -> bool {
    transport
        .send(peer, channel, packet)
        .inspect_err(|error| log::debug!("a {channel} packet to {peer} was not sent: {error}"))
        .is_ok()
}
