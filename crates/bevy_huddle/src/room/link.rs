//! The transport and session of a room, and the state of its peers.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bevy::{platform::time::Instant, prelude::*};
use bytes::Bytes;
use huddle_mesh::{
    Channel, DisconnectReason, IceServer, PeerId, RoomError, RoomEvent, SendError, SettingsChange,
    SettingsError,
};
use huddle_session::{
    KindId, Lane, MessageError as PacketError, OfferError, PacketSections, RoomSession,
    SectionSource, SessionEvent, Tick,
};

use huddle_snapshot::{
    DecodeError, SnapshotSession,
    playout::{Playhead, PlayoutClock},
};

use crate::{
    conditioner::{settings::LinkConditioner, transport::ConditionedTransport},
    error::{JoinError, MessageError},
    message::{
        registry::{Declared, MessageKinds},
        transfer::TransferId,
    },
    peer::{
        links::{Departure, PeerLinks},
        transfers::Transfer,
    },
    room::{
        large::LargeValues,
        outbox::{send_all, send_tick},
        snapshots::SnapshotSource,
    },
    transport::Transport,
};

/// The minimum time without a tick after which a game counts as paused and sends acks outside
/// ticks. At low tick rates, the time is [`PAUSE_TICKS`] ticks.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_TICKS: u32 = 3;

/// The transport and session of a room, and the state of its peers. The room entity has this
/// component until the room fails.
///
/// Removing the component leaves the room without blocking. When the app exits, dropping the
/// transport notifies the peers.
#[derive(Component)]
pub(crate) struct RoomLink {
    /// `None` after the room was left.
    pub(super) transport: Option<Box<ConditionedTransport>>,
    pub(crate) session: RoomSession,
    /// The replicated entities.
    pub(crate) snapshots: SnapshotSession,
    pub(crate) large: LargeValues,
    /// The clocks that play the snapshots of the peers.
    clocks: BTreeMap<PeerId, PlayoutClock>,
    ticks_per_second: f64,
    pub(crate) peers: PeerLinks,
    /// The messages that were declared when the room was joined, which peers compare.
    kinds: MessageKinds,
    local_id: PeerId,
    /// The entity of the local peer. `None` before it is spawned and after it was despawned.
    pub(crate) local_peer: Option<Entity>,
    joined: Instant,
    /// The time of the last tick, since the room was joined.
    ticked: Duration,
    /// Whether the steps of a match are the ticks of this room, instead of those of the game.
    pub(crate) is_driven_by_match: bool,
    pause: Duration,
    /// The events that the local player sent to itself.
    echoes: VecDeque<(KindId, Bytes)>,
    /// A `PeerJoined` that waits until the earlier session of the same peer has ended.
    held: Option<RoomEvent>,
    /// The reason why the room fails. It fails after its peers are removed.
    pub(crate) failure: Option<JoinError>,
}

impl RoomLink {
    pub(crate) fn new(
        transport: Box<dyn Transport>,
        local_id: PeerId,
        session: RoomSession,
        kinds: MessageKinds,
        tick: Duration,
        first_entity: u32,
    ) -> Self {
        let mut snapshots = SnapshotSession::new(local_id, kinds.layout(), first_entity);
        snapshots.set_tick_rate(tick.as_secs_f64().recip());
        snapshots.set_host(Some(session.host()));
        Self {
            local_id,
            local_peer: None,
            joined: transport.now(),
            transport: Some(Box::new(ConditionedTransport::new(transport))),
            session,
            snapshots,
            large: LargeValues::default(),
            clocks: BTreeMap::new(),
            ticks_per_second: tick.as_secs_f64().recip(),
            peers: PeerLinks::default(),
            kinds,
            ticked: Duration::ZERO,
            is_driven_by_match: false,
            pause: PAUSE.max(tick * PAUSE_TICKS),
            echoes: VecDeque::new(),
            held: None,
            failure: None,
        }
    }

    /// Returns the next event. If a peer joins twice in a row, inserts a `PeerLeft` between the two
    /// events.
    pub(crate) fn poll(&mut self) -> Option<RoomEvent> {
        let transport = self.transport.as_mut()?;
        match self.held.take().or_else(|| transport.poll())? {
            RoomEvent::PeerJoined {
                peer_id,
                rejoined,
                is_matchbox_client,
            } if self.peers.contains(peer_id) => {
                self.held = Some(RoomEvent::PeerJoined {
                    peer_id,
                    rejoined,
                    is_matchbox_client,
                });
                let reason = DisconnectReason::Lost;
                Some(RoomEvent::PeerLeft { peer_id, reason })
            }
            event => Some(event),
        }
    }

    /// Sets or removes the link conditioner.
    pub(crate) fn set_conditioner(&mut self, conditioner: Option<LinkConditioner>) {
        if let Some(transport) = &mut self.transport {
            transport.set_conditioner(conditioner);
        }
    }

    /// Replaces the STUN and TURN servers for later links. An error keeps the previous ones.
    pub(crate) fn set_ice_servers(&mut self, servers: Vec<IceServer>) -> Result<(), RoomError> {
        match &mut self.transport {
            Some(transport) => transport.set_ice_servers(servers),
            None => Ok(()),
        }
    }

    /// Sets the token for the signaling server.
    pub(crate) fn set_token(&mut self, token: String) {
        if let Some(transport) = &mut self.transport {
            transport.set_token(token);
        }
    }

    /// Changes settings of the room on the signaling server.
    pub(crate) fn change_settings(&mut self, change: SettingsChange) -> Result<(), SettingsError> {
        match &mut self.transport {
            Some(transport) => transport.change_settings(change),
            None => Err(SettingsError::Unknown),
        }
    }

    /// Returns the next event of the session. The replicated entities follow the peers and the host.
    pub(crate) fn poll_session(&mut self) -> Option<SessionEvent> {
        let event = self.session.poll()?;
        match event {
            SessionEvent::Joined { peer_id } => {
                self.snapshots.link_opened(peer_id);
                self.update_members();
            }
            SessionEvent::Left { peer_id } => self.close_snapshots(peer_id),
            SessionEvent::MeshChanged { .. } => self.update_members(),
            SessionEvent::HostChanged { host } => self.snapshots.set_host(Some(host)),
            _ => {}
        }
        Some(event)
    }

    /// Receives replicated entities from a peer.
    pub(crate) fn receive_snapshots(
        &mut self,
        peer_id: PeerId,
        seq: u64,
        tick: Tick,
        arrived: Duration,
        bytes: &[u8],
    ) -> Result<(), DecodeError> {
        self.snapshots
            .receive(peer_id, seq, tick.0, bytes)
            .inspect_err(|_| self.peers.count_bad_packet(peer_id))?;
        let hz = self.ticks_per_second;
        let clock = self.clocks.entry(peer_id);
        let clock = clock.or_insert_with(|| PlayoutClock::new(hz, tick.0, arrived));
        clock.record_arrival(tick.0, arrived);
        Ok(())
    }

    /// Advances the clocks that play snapshots to the current frame.
    pub(crate) fn advance_clocks(&mut self) {
        let now = self.now();
        for clock in self.clocks.values_mut() {
            clock.advance(now);
        }
    }

    /// Returns the peer that sends the values of an owner, and the position in its snapshots that this
    /// frame shows. Without a snapshot of this peer, values that have followed `previous` still do.
    pub(crate) fn playhead(
        &self,
        owner: PeerId,
        previous: Option<PeerId>,
    ) -> Option<(PeerId, Playhead)> {
        let source = self.snapshots.source_of(owner);
        let playhead = |source| Some((source, self.clocks.get(&source)?.playhead()));
        source
            .and_then(playhead)
            .or_else(|| previous.and_then(playhead))
    }

    pub(crate) fn ticks_per_second(&self) -> f64 {
        self.ticks_per_second
    }

    fn close_snapshots(&mut self, peer_id: PeerId) {
        self.clocks.remove(&peer_id);
        self.snapshots.link_lost(peer_id);
        self.large.contents.link_lost(peer_id);
        self.update_members();
    }

    /// Updates the peers whose entities exist: those with a session, and those that any of them is
    /// linked with. The latter are relayed.
    fn update_members(&mut self) {
        let mut members = BTreeSet::new();
        let mut new: Vec<_> = self.peers.in_session().collect();
        while let Some(peer_id) = new.pop() {
            if members.insert(peer_id) {
                new.extend(self.session.links_of(peer_id));
            }
        }
        self.snapshots.set_members(members);
        let reports = self.peers.in_session().flat_map(|from| {
            let links = self.session.links_of(from);
            links.into_iter().map(move |to| (from, to))
        });
        self.snapshots.set_reported_links(reports);
    }

    /// Returns the time since the room was joined.
    pub(crate) fn now(&self) -> Duration {
        self.transport.as_ref().map_or(self.ticked, |transport| {
            transport.now().saturating_duration_since(self.joined)
        })
    }

    /// Returns an unpredictable random number, or 0 after the room was left.
    pub(crate) fn random(&mut self) -> u64 {
        self.transport
            .as_mut()
            .map_or(0, |transport| transport.seed())
    }

    /// Leaves the room after sending queued events within the credit of the links. The caller
    /// despawns the entities of the peers.
    pub(crate) fn leave(&mut self) -> Vec<Departure> {
        self.send_events();
        if let Some(transport) = self.transport.take() {
            transport.leave();
        }
        self.peers.forget_all(DisconnectReason::DisconnectedLocally)
    }

    /// Starts the handshake on a new link.
    pub(crate) fn open(&mut self, peer_id: PeerId, rejoined: bool) {
        self.peers.open(peer_id, false, rejoined);
        self.session.link_opened(peer_id, self.now());
    }

    /// Starts removing a peer. The session then reports the events that the peer did not
    /// acknowledge.
    pub(crate) fn begin_leaving(&mut self, peer_id: PeerId, reason: DisconnectReason) {
        if self.peers.contains(peer_id) {
            self.peers.set_leaving(peer_id, reason);
            self.session.link_lost(peer_id);
            self.close_snapshots(peer_id);
        }
    }

    /// Forgets a peer. The caller despawns its entity, if it has one.
    pub(crate) fn forget(
        &mut self,
        peer_id: PeerId,
        reason: DisconnectReason,
    ) -> Option<Departure> {
        self.session.link_lost(peer_id);
        let departure = self.peers.forget(peer_id, reason);
        self.close_snapshots(peer_id);
        departure
    }

    /// Closes the link to a peer after sending its queued events.
    ///
    /// The queue may contain the last message of the handshake. Without it, the local player would
    /// never join at the other side, and could not leave either.
    pub(crate) fn disconnect(&mut self, peer_id: PeerId) {
        let now = self.now();
        let Some(transport) = self.transport.as_deref_mut() else {
            return;
        };
        if self.peers.contains(peer_id) && !self.peers.is_matchbox_client(peer_id) {
            send_all(transport, &mut self.session, peer_id, Channel::Events, now);
        }
        transport.disconnect(peer_id);
    }

    pub(crate) fn local_id(&self) -> PeerId {
        self.local_id
    }

    pub(crate) fn kinds(&self) -> &MessageKinds {
        &self.kinds
    }

    /// Handles a packet from a peer that is not a matchbox client. Ignores packets from unknown
    /// peers.
    pub(crate) fn receive(
        &mut self,
        peer_id: PeerId,
        channel: Channel,
        bytes: Bytes,
        arrived: Instant,
    ) -> Result<(), PacketError> {
        if !self.peers.contains(peer_id) {
            return Ok(());
        }
        let now = self.now();
        let arrived = arrived.saturating_duration_since(self.joined).min(now);
        let lane = match channel {
            Channel::State => Lane::State,
            Channel::Events => Lane::Events,
            Channel::Bulk => Lane::Bulk,
        };
        self.session
            .receive(peer_id, lane, bytes, arrived)
            .inspect_err(|_| self.peers.count_bad_packet(peer_id))
    }

    /// Sends bytes to a matchbox client immediately and unchanged.
    pub(crate) fn send_raw(
        &mut self,
        peer_id: PeerId,
        channel: Channel,
        bytes: Bytes,
    ) -> Result<(), MessageError> {
        if !self.peers.is_matchbox_client(peer_id) {
            return Err(MessageError::NotMatchboxClient);
        }
        match &mut self.transport {
            Some(transport) => Ok(transport.send(peer_id, channel, bytes)?),
            None => Err(SendError::NoLink.into()),
        }
    }

    /// Returns the size of the events that a peer has not acknowledged, in bytes.
    pub(crate) fn queued(&self, peer_id: PeerId) -> usize {
        let stats = self.session.stats(peer_id);
        stats.map_or(0, |stats| stats.queued_event_bytes)
    }

    /// Returns an error if an event was not declared before the room was joined.
    pub(crate) fn check_kind(&self, event: Declared) -> Result<(), MessageError> {
        let handler = self.kinds.handler(event.kind);
        handler.map(drop).ok_or(MessageError::NotDeclared)
    }

    /// Queues an event for the local player.
    pub(crate) fn echo(&mut self, kind: KindId, payload: Bytes) {
        self.echoes.push_back((kind, payload));
    }

    pub(crate) fn echo_count(&self) -> usize {
        self.echoes.len()
    }

    pub(crate) fn pop_echo(&mut self) -> Option<(KindId, Bytes)> {
        self.echoes.pop_front()
    }

    /// Offers a transfer to a peer.
    pub(crate) fn offer(
        &mut self,
        peer_id: PeerId,
        id: TransferId,
        label: &str,
        bytes: Bytes,
    ) -> Result<(), OfferError> {
        if let Some(link_id) = self.session.offer(peer_id, label, bytes)
            && let Some(transfers) = self.peers.transfers_mut(peer_id)
        {
            let label = label.to_owned();
            transfers.add(link_id?, Transfer { id, label });
        }
        Ok(())
    }

    /// Cancels a transfer, even if the peer has not accepted it. Returns whether it was unfinished.
    pub(crate) fn cancel_transfer(&mut self, id: TransferId) -> bool {
        let transfers: Vec<_> = self.peers.find_transfer(id).collect();
        let cancelled = transfers
            .into_iter()
            .filter(|&(peer_id, link_id)| self.session.cancel(peer_id, link_id));
        cancelled.count() > 0
    }

    /// Starts a tick.
    pub(crate) fn advance(&mut self) {
        self.ticked = self.now();
        if let Some(transport) = &self.transport
            && self.session.has_capacity()
        {
            for peer_id in self.peers.linked() {
                if let Some(stats) = transport.stats(peer_id) {
                    let is_stopped = stats.stopped.is_some();
                    self.session
                        .set_activity(peer_id, is_stopped, stats.silence);
                }
            }
        }
        self.session.advance(self.ticked);
        for peer_id in self.peers.in_session() {
            if let Some(rtt) = self.session.stats(peer_id).and_then(|it| it.delivery.rtt) {
                self.snapshots.observe_round_trip(peer_id, rtt, self.ticked);
            }
        }
        self.snapshots.advance(self.ticked);
    }

    /// Returns whether the game has run no tick for so long that peers wait for acks.
    pub(crate) fn is_paused(&self) -> bool {
        self.now().saturating_sub(self.ticked) >= self.pause
    }

    /// Sends one tick packet per peer, and queued events and transfers. The packets carry the
    /// inputs of a match, and replicated entities.
    pub(crate) fn send_tick(&mut self, inputs: Option<&mut dyn SectionSource>) {
        let now = self.now();
        let Some(transport) = self.transport.as_deref_mut() else {
            return;
        };
        let mut snapshots = SnapshotSource(&mut self.snapshots);
        let mut sections = PacketSections {
            inputs: inputs.map(|inputs| inputs as _),
            snapshots: Some(&mut snapshots),
        };
        for peer_id in self.peers.in_session() {
            send_tick(transport, &mut self.session, peer_id, now, &mut sections);
        }
    }

    /// Sends queued events within the credit of the links.
    pub(crate) fn send_events(&mut self) {
        let now = self.now();
        let Some(transport) = self.transport.as_deref_mut() else {
            return;
        };
        for peer_id in self.peers.in_session() {
            send_all(transport, &mut self.session, peer_id, Channel::Events, now);
        }
    }
}

/// Returns the entity of a peer, unless it was despawned.
pub(crate) fn peer_entity(world: &World, room: Entity, peer_id: PeerId) -> Option<Entity> {
    let entity = world.get::<RoomLink>(room)?.peers.entity(peer_id)?;
    world.get_entity(entity).is_ok().then_some(entity)
}
