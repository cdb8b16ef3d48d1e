//! The session of one room: the session with each peer, the room's clock and its roster.

mod error;
mod event;
mod peer;
mod section_source;
mod stats;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use huddle_id::PeerId;

pub use self::{
    error::MessageError,
    event::SessionEvent,
    section_source::{PacketInfo, PacketSections, SectionKind, SectionSource},
    stats::SessionStats,
};

use self::peer::{Copied, OpenSession, PeerSession, Received};
use crate::{
    capacity::{MAX_SLOTS, Slots, Verdict},
    clock::RoomClock,
    events::QueueError,
    handshake::{Agreement, HandshakeEvent, Refusal, Terms, TermsError, Ticket},
    hash::Fnv64,
    kind::{Delivery, KindError, KindId, Kinds},
    lane::Lane,
    roster::{KickError, KickPolicy, Roster, RosterEvent, RosterMessage},
    schema::Schema,
    tick::{Tick, TickInstant, TickRate},
    transfer::{OfferError, TransferId, TransferLimits},
};

/// The time that a peer is silent before the session treats it as possibly lost. It is longer than
/// the interval between two pings.
const SILENT: Duration = Duration::from_millis(700);

/// The configuration of a [`RoomSession`].
#[derive(Debug, Clone)]
pub struct RoomSetup {
    /// The local peer's id.
    pub local_id: PeerId,
    /// The game's id, optionally with a version, such as `"my-game/2"`.
    pub game: String,
    /// Ticks per second.
    pub rate: TickRate,
    /// The kinds of messages that the game declares.
    pub kinds: Kinds,
    /// The policy that decides who may kick players.
    pub policy: KickPolicy,
    /// The maximum number of players, from 2 to [`MAX_SLOTS`]; `None` for no limit.
    pub capacity: Option<u8>,
    /// The data that the local peer sends with its join request.
    pub join_data: Bytes,
    /// The limits for transfers from other peers.
    pub limits: TransferLimits,
    /// A random number. It must differ between the peers of a room.
    pub seed: u64,
}

impl RoomSetup {
    /// Creates a setup with these kinds of messages and defaults for everything else.
    pub fn new(local_id: PeerId, game: &str, kinds: Kinds) -> Self {
        Self {
            local_id,
            game: game.to_owned(),
            rate: TickRate::default(),
            kinds,
            policy: KickPolicy::default(),
            capacity: None,
            join_data: Bytes::new(),
            limits: TransferLimits::default(),
            seed: 0,
        }
    }
}

/// The sessions with all peers of one room.
///
/// All times are measured from the moment the room was joined, and never decrease.
#[derive(Debug)]
pub struct RoomSession {
    kinds: Kinds,
    roster_kind: KindId,
    terms: Terms,
    rate: TickRate,
    limits: TransferLimits,
    seed: u64,
    sessions: u64,
    clock: RoomClock,
    /// The time at which the clock last advanced.
    advanced: Duration,
    roster: Roster,
    host: PeerId,
    peers: BTreeMap<PeerId, PeerSession>,
    /// The join requests that the game has not answered yet.
    tickets: BTreeMap<PeerId, Ticket>,
    /// The players that have a slot. `None` in a room without a capacity.
    slots: Option<Slots>,
    /// The join requests that the game accepted and that wait for a slot.
    admitted: BTreeMap<PeerId, Ticket>,
    events: VecDeque<SessionEvent>,
    /// Reused between calls to avoid allocations.
    received: Vec<Received>,
}

/// Errors that occur while a session is set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The terms of the handshake are invalid.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// The game declares a name that is reserved for the session.
    #[error(transparent)]
    Kinds(#[from] KindError),
    /// The capacity is out of range.
    #[error("a room cannot have a capacity of {0}: choose one from 2 to {MAX_SLOTS}")]
    Capacity(u8),
}

impl RoomSession {
    /// Creates the session of a room, without any peers.
    ///
    /// # Errors
    /// Returns an error if the game's id or the join data is too long, if a name is reserved, or if
    /// the capacity is out of range.
    pub fn new(setup: RoomSetup) -> Result<Self, SetupError> {
        let RoomSetup {
            local_id,
            game,
            rate,
            mut kinds,
            policy,
            capacity,
            join_data,
            limits,
            seed,
        } = setup;
        if let Some(wrong) = capacity.filter(|it| !(2..=MAX_SLOTS).contains(it)) {
            return Err(SetupError::Capacity(wrong));
        }
        let roster_kind = kinds.declare(
            RosterMessage::NAME,
            Delivery::Event,
            Schema::of::<RosterMessage>(),
        )?;
        let mut room = Self {
            terms: Terms::new(&game, rate, &kinds, policy, join_data)?,
            kinds,
            roster_kind,
            rate,
            limits,
            seed,
            sessions: 0,
            clock: RoomClock::new(rate),
            advanced: Duration::ZERO,
            roster: Roster::new(local_id, 0, policy, rate),
            host: local_id,
            peers: BTreeMap::new(),
            tickets: BTreeMap::new(),
            slots: capacity.map(|capacity| Slots::new(local_id, capacity)),
            admitted: BTreeMap::new(),
            events: VecDeque::new(),
            received: Vec::new(),
        };
        room.offer_slots();
        Ok(room)
    }

    /// Returns the room's current tick.
    pub fn tick(&self) -> Tick {
        Tick(self.clock.tick())
    }

    /// Advances the room to the next tick.
    pub fn advance(&mut self, now: Duration) {
        self.advanced = now;
        let ticks = self.clock.advance(now);
        self.report_skipped(ticks);
        self.poll_slots(now);
    }

    /// Returns `true` if the room has a capacity.
    pub fn has_capacity(&self) -> bool {
        self.slots.is_some()
    }

    /// Sets whether a peer's game is stopped, and for how long the peer has been silent.
    ///
    /// A peer whose game is stopped cannot give out slots. The slot of a silent peer may become
    /// free soon.
    pub fn set_activity(&mut self, peer: PeerId, is_stopped: bool, silence: Duration) {
        if let Some(slots) = &mut self.slots {
            slots.set_stopped(peer, is_stopped);
            slots.set_silent(peer, silence >= SILENT);
        }
    }

    /// Starts the handshake with a peer, after the first link to it opened.
    pub fn link_opened(&mut self, peer: PeerId, now: Duration) {
        self.link_lost(peer);
        let session = PeerSession::new(self.nonce(peer), now);
        self.peers.insert(peer, session);
        if let Some(slots) = &mut self.slots {
            slots.link_opened(peer, now);
        }
    }

    /// Reports that a peer's link was replaced with a new one.
    pub fn link_replaced(&mut self, peer: PeerId) {
        if let Some(open) = self.open(peer) {
            open.link_replaced();
        }
    }

    /// Ends the session with a peer after its link is lost, and reports the events that the peer
    /// did not acknowledge.
    pub fn link_lost(&mut self, peer: PeerId) {
        self.close(peer);
        self.peers.remove(&peer);
        self.tickets.remove(&peer);
        self.admitted.remove(&peer);
        if let Some(slots) = &mut self.slots {
            slots.link_lost(peer, self.advanced);
        }
    }

    /// Handles a message from a peer that arrived at `arrived`.
    ///
    /// # Errors
    /// Returns an error if the message is invalid, which an honest peer never causes. Everything in
    /// the message before the error is still handled.
    pub fn receive(
        &mut self,
        peer: PeerId,
        lane: Lane,
        bytes: Bytes,
        arrived: Duration,
    ) -> Result<(), MessageError> {
        let Some(session) = self.peers.get_mut(&peer) else {
            return Ok(());
        };
        let kind = *bytes.first().ok_or(MessageError::Empty)?;
        let mut received = std::mem::take(&mut self.received);
        let result = match (kind, lane, &mut session.open) {
            (0x01..=0x04, Lane::Events | Lane::State, _) => {
                self.received = received;
                return self.receive_handshake(peer, bytes, arrived);
            }
            (0x10, Lane::Events, Some(open)) => open.receive_events(bytes, &mut received),
            (0x20..=0x2f, Lane::State, Some(open)) => {
                let since = arrived.as_secs_f64() - self.advanced.as_secs_f64();
                let local = TickInstant {
                    tick: Tick(self.clock.tick()),
                    fraction: since * self.rate.hz(),
                };
                open.receive_packet(bytes, arrived, local, &mut received)
            }
            (0x30..=0x3f, Lane::Bulk, Some(open)) => open.receive_bulk(bytes, arrived),
            // The peer sends it again once the handshake is done.
            (0x10, Lane::Events, None)
            | (0x20..=0x2f, Lane::State, None)
            | (0x30..=0x3f, Lane::Bulk, None) => Ok(()),
            _ => Err(MessageError::UnknownType(kind)),
        };
        let handled = self.handle_received(peer, arrived, &mut received);
        received.clear();
        self.received = received;
        self.poll_transfers(peer);
        result.and(handled)
    }

    /// Returns the next event. Call it after every other method, until it returns `None`.
    pub fn poll(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// Returns the next message to send to a peer over a lane that accepts at most `credit` bytes
    /// now. Call it until it returns `None`.
    ///
    /// [`Lane::State`] carries at most one message per tick.
    pub fn collect(
        &mut self,
        peer: PeerId,
        lane: Lane,
        now: Duration,
        credit: usize,
    ) -> Option<Bytes> {
        match lane {
            Lane::State => self.collect_state(peer, now, &mut PacketSections::default(), credit),
            Lane::Events => {
                let session = self.peers.get_mut(&peer)?;
                let message =
                    session.collect_events(now, &self.terms, self.clock.reading(), credit);
                self.poll_handshake(peer, None, now);
                message
            }
            Lane::Bulk => {
                let open = self.peers.get_mut(&peer)?.open.as_mut()?;
                open.collect_bulk(now, credit)
            }
        }
    }

    /// Like [`Self::collect`] for [`Lane::State`], but the packet also carries `sections`.
    pub fn collect_state(
        &mut self,
        peer: PeerId,
        now: Duration,
        sections: &mut PacketSections<'_>,
        credit: usize,
    ) -> Option<Bytes> {
        let tick = Tick(self.clock.tick());
        match self.peers.get_mut(&peer)?.collect_copy(tick, credit) {
            Copied::Now(copy) => Some(copy),
            Copied::InThisTick => None,
            Copied::Nothing => self.collect_packet(peer, now, sections, credit),
        }
    }

    /// Like [`Self::collect_state`], without the messages of the handshake that are repeated on
    /// [`Lane::State`].
    pub fn collect_packet(
        &mut self,
        peer: PeerId,
        now: Duration,
        sections: &mut PacketSections<'_>,
        credit: usize,
    ) -> Option<Bytes> {
        let tick = self.tick();
        let open = self.peers.get_mut(&peer)?.open.as_mut()?;
        open.collect_packet(now, tick, (peer, sections), credit)
    }

    /// Queues an event for a peer. Events of kinds whose names start with `huddle/` are sent before
    /// queued events of the game, and have space of their own. Without a session with the peer, the
    /// event is dropped.
    ///
    /// # Errors
    /// Returns an error if the kind is not declared as an event, the event is too long, or the
    /// queue is full.
    pub fn queue_event(
        &mut self,
        peer: PeerId,
        kind: KindId,
        payload: Bytes,
    ) -> Result<(), QueueError> {
        let is_event = self.kinds.delivery(kind) == Some(Delivery::Event);
        let index = self.kinds.index(kind).filter(|_| is_event);
        let index = index.ok_or(QueueError::NotAnEvent(kind))? as u32;
        let is_system = self.kinds.is_system(kind);
        match self.open(peer) {
            Some(open) => open.queue_event(index, kind, payload, is_system),
            None => Ok(()),
        }
    }

    /// Checks whether an event of `len` bytes could be queued for a peer now.
    ///
    /// # Errors
    /// Returns an error if the event is too long or the queue is full.
    pub fn check_event(&self, peer: PeerId, len: usize) -> Result<(), QueueError> {
        match self.peers.get(&peer).and_then(|peer| peer.open.as_ref()) {
            Some(open) => open.check_event(len),
            None => Ok(()),
        }
    }

    /// Returns the number of bytes in the events of a kind that a peer has not acknowledged.
    pub fn queued_bytes(&self, peer: PeerId, kind: KindId) -> usize {
        let open = self.peers.get(&peer).and_then(|peer| peer.open.as_ref());
        open.map_or(0, |open| open.queued_bytes(kind))
    }

    /// Answers [`SessionEvent::JoinRequested`]: admits the peer, or refuses it with a reason that
    /// its player can read.
    pub fn admit(&mut self, peer: PeerId, verdict: Result<(), String>, now: Duration) {
        let Some(ticket) = self.tickets.remove(&peer) else {
            return;
        };
        if let Some(slots) = &mut self.slots
            && verdict.is_ok()
        {
            self.admitted.insert(peer, ticket);
            slots.admit(peer);
            self.poll_slots(now);
        } else if let Some(session) = self.peers.get_mut(&peer) {
            session.handshake.decide(ticket, verdict);
            self.poll_handshake(peer, None, now);
        }
    }

    /// Offers bytes to a peer, which receives them in the background. The label describes the
    /// transfer to the peer and has at most 128 bytes.
    ///
    /// Returns `None` if there is no session with the peer.
    ///
    /// # Errors
    /// Returns an error if the label is too long or too many transfers are unfinished.
    pub fn offer(
        &mut self,
        peer: PeerId,
        label: &str,
        bytes: Bytes,
    ) -> Option<Result<TransferId, OfferError>> {
        Some(self.open(peer)?.offer(label, bytes))
    }

    /// Cancels a transfer from or to a peer. Returns `true` if it was unfinished.
    pub fn cancel(&mut self, peer: PeerId, id: TransferId) -> bool {
        let cancelled = self.open(peer).is_some_and(|open| open.cancel(id));
        self.poll_transfers(peer);
        cancelled
    }

    /// Returns the connection statistics of a peer, or `None` before the handshake is done.
    pub fn stats(&self, peer: PeerId) -> Option<SessionStats> {
        Some(self.peers.get(&peer)?.open.as_ref()?.stats())
    }

    /// Returns `true` if the handshake waits for an answer of the peer's game, which has not
    /// responded at all.
    pub fn is_unanswered(&self, peer: PeerId) -> bool {
        self.peers
            .get(&peer)
            .is_some_and(|session| session.handshake.is_unanswered())
    }

    /// Requests that a player be kicked from the room. The request is an order if the local peer is
    /// the host and the policy allows it, and a vote under [`KickPolicy::Majority`].
    ///
    /// # Errors
    /// Returns an error if the room's policy does not allow the request, or the player is not in
    /// the room.
    pub fn request_kick(&mut self, peer: PeerId) -> Result<(), KickError> {
        self.roster.request_kick(peer, self.clock.tick())?;
        self.poll_roster();
        Ok(())
    }

    /// Returns the host: the peer that has been in the room longest, from the point of view of
    /// the local peer.
    pub fn host(&self) -> PeerId {
        self.host
    }

    /// Returns the peers that a peer reports a link to.
    pub fn links_of(&self, peer: PeerId) -> Vec<PeerId> {
        self.roster.links_of(peer)
    }

    /// Returns the pairs of peers that have no link to each other.
    pub fn missing_links(&self) -> Vec<(PeerId, PeerId)> {
        self.roster.missing_links()
    }

    fn open(&mut self, peer: PeerId) -> Option<&mut OpenSession> {
        self.peers.get_mut(&peer)?.open.as_deref_mut()
    }

    fn nonce(&mut self, peer: PeerId) -> u64 {
        self.sessions += 1;
        Fnv64::new()
            .write(&self.seed.to_le_bytes())
            .write(peer.as_bytes())
            .write(&self.sessions.to_le_bytes())
            .finish()
    }

    fn receive_handshake(
        &mut self,
        peer: PeerId,
        bytes: Bytes,
        now: Duration,
    ) -> Result<(), MessageError> {
        if let Some(session) = self.peers.get_mut(&peer) {
            session.handshake.receive(&self.terms, bytes.clone(), now)?;
            self.poll_handshake(peer, Some(bytes), now);
        }
        let session = self.peers.get_mut(&peer);
        if let Some(claim) = session.and_then(|session| session.handshake.take_claim())
            && let Some(slots) = &mut self.slots
        {
            slots.receive_claim(peer, claim, now);
            self.poll_slots(now);
        }
        Ok(())
    }

    /// Handles the results of a peer's handshake. `message` is the message that caused them. If the
    /// handshake restarts, the new session handles it again.
    fn poll_handshake(&mut self, peer: PeerId, message: Option<Bytes>, now: Duration) {
        while let Some(event) = self
            .peers
            .get_mut(&peer)
            .and_then(|session| session.handshake.poll())
        {
            match event {
                HandshakeEvent::JoinRequested { ticket, data } => {
                    self.admitted.remove(&peer);
                    self.tickets.insert(peer, ticket);
                    self.events.push_back(SessionEvent::JoinRequested {
                        peer_id: peer,
                        data,
                    });
                }
                HandshakeEvent::Done(agreement) => self.join(peer, agreement, now),
                HandshakeEvent::Refused(refusal) => {
                    self.close_and_report(peer);
                    if let Refusal::Full {
                        by_them: true,
                        capacity,
                    } = refusal
                    {
                        self.events.push_back(SessionEvent::Full { capacity });
                    }
                    self.events.push_back(SessionEvent::Refused {
                        peer_id: peer,
                        refusal,
                    });
                }
                HandshakeEvent::Restarted => {
                    self.restart(peer, now);
                    if let Some(bytes) = &message
                        && let Some(session) = self.peers.get_mut(&peer)
                        && let Err(error) =
                            session.handshake.receive(&self.terms, bytes.clone(), now)
                    {
                        debug_assert!(
                            false,
                            "the handshake accepted this message before it restarted: {error}"
                        );
                    }
                }
            }
        }
        if let Some(session) = self.peers.get_mut(&peer)
            && !session.is_over_reported
            && session.handshake.is_over()
        {
            session.is_over_reported = true;
            self.events.push_back(SessionEvent::Ended { peer_id: peer });
        }
    }

    /// Starts a new session with a peer over the same link.
    fn restart(&mut self, peer: PeerId, now: Duration) {
        self.close_and_report(peer);
        let session = PeerSession::new(self.nonce(peer), now);
        self.peers.insert(peer, session);
        self.tickets.remove(&peer);
        self.admitted.remove(&peer);
        if let Some(slots) = &mut self.slots {
            slots.restarted(peer);
        }
    }

    fn join(&mut self, peer: PeerId, agreement: Agreement, now: Duration) {
        if let Some(slots) = &mut self.slots {
            if !slots.list().has(peer) {
                // The peer lost its slot while the welcomes were in transit.
                return self.restart(peer, now);
            }
            slots.joined(peer);
        }
        let age = now.saturating_sub(agreement.clock_received_at);
        // An impossible clock is ignored; the session works without it.
        if let Ok(skipped) = self.clock.add_peer(peer, agreement.clock, age, now) {
            self.report_skipped(skipped);
        }
        let open = OpenSession::new(agreement.tag, self.rate, self.limits);
        if let Some(session) = self.peers.get_mut(&peer) {
            session.open = Some(open);
        }
        self.events
            .push_back(SessionEvent::Joined { peer_id: peer });
        let tick = self.clock.tick();
        self.roster.set_joined(self.clock.reading().joined);
        let joined = self.clock.join_tick(peer, agreement.clock);
        self.roster.add_peer(peer, joined, tick);
        self.poll_roster();
    }

    /// Ends the session with a peer, which may start a new one, and reports that the peer left.
    fn close_and_report(&mut self, peer: PeerId) {
        if self.close(peer) {
            self.events.push_back(SessionEvent::Left { peer_id: peer });
        }
    }

    fn close(&mut self, peer: PeerId) -> bool {
        let open = self.peers.get_mut(&peer).and_then(|peer| peer.open.take());
        let Some(open) = open else { return false };
        let (mut undelivered, transfers) = open.give_up();
        undelivered.retain(|event| event.kind != self.roster_kind);
        for event in transfers {
            self.events.push_back(SessionEvent::Transfer {
                peer_id: peer,
                event,
            });
        }
        if !undelivered.is_empty() {
            self.events.push_back(SessionEvent::Undelivered {
                peer_id: peer,
                events: undelivered,
            });
        }
        if let Some(slots) = &mut self.slots {
            slots.session_closed(peer);
        }
        self.clock.remove_peer(peer);
        self.roster.remove_peer(peer, self.clock.tick());
        self.poll_roster();
        true
    }

    /// Reports the decoded contents of a message.
    fn handle_received(
        &mut self,
        peer: PeerId,
        arrived: Duration,
        received: &mut Vec<Received>,
    ) -> Result<(), MessageError> {
        let mut result = Ok(());
        for item in received.drain(..) {
            match item {
                Received::Tick(tick) => {
                    let rtt = self.open(peer).and_then(|open| open.rtt());
                    let one_way = rtt.unwrap_or_default() / 2;
                    if self.clock.observe(peer, tick.0, one_way, arrived).is_err() {
                        result = Err(MessageError::Tick);
                    }
                }
                Received::Section {
                    kind,
                    seq,
                    tick,
                    payload,
                } => {
                    let rtt = self.open(peer).and_then(|open| open.rtt());
                    self.events.push_back(SessionEvent::Section {
                        peer_id: peer,
                        kind,
                        seq,
                        tick,
                        payload,
                        arrived,
                        rtt,
                    });
                }
                Received::Event(index, payload) => {
                    match self.kinds.at(Delivery::Event, index as usize) {
                        Some(kind) if kind == self.roster_kind => {
                            match RosterMessage::decode(&payload) {
                                Ok(RosterMessage::Slots(list)) => {
                                    if let Some(slots) = &mut self.slots {
                                        slots.receive(peer, list);
                                        self.poll_slots(arrived);
                                    }
                                }
                                Ok(message) => {
                                    let tick = self.clock.tick();
                                    self.roster.receive(peer, message, tick);
                                    self.events
                                        .push_back(SessionEvent::MeshChanged { peer_id: peer });
                                    self.poll_roster();
                                }
                                Err(error) => result = Err(MessageError::Roster(error)),
                            }
                        }
                        Some(kind) => self.events.push_back(SessionEvent::Event {
                            peer_id: peer,
                            kind,
                            payload,
                        }),
                        None => result = Err(MessageError::UnknownEvent(index)),
                    }
                }
            }
        }
        result
    }

    fn poll_transfers(&mut self, peer: PeerId) {
        while let Some(event) = self.open(peer).and_then(OpenSession::poll_transfer) {
            self.events.push_back(SessionEvent::Transfer {
                peer_id: peer,
                event,
            });
        }
    }

    fn poll_roster(&mut self) {
        while let Some(event) = self.roster.poll() {
            match event {
                RosterEvent::Send(message) => self.send_to_all(&message),
                RosterEvent::Kick { peer, requested_by } => {
                    self.events.push_back(SessionEvent::Kicked {
                        peer_id: peer,
                        requested_by,
                    });
                }
            }
        }
        let host = self.roster.host();
        if std::mem::replace(&mut self.host, host) != host {
            self.events.push_back(SessionEvent::HostChanged { host });
        }
    }

    /// Advances the allocation of the room's slots, and answers the join requests that it decides.
    fn poll_slots(&mut self, now: Duration) {
        let Some(slots) = &mut self.slots else {
            return;
        };
        slots.step(now, |player| self.roster.is_reported(player));
        let is_stale = slots.take_stale();
        let outsiders = slots.outsiders();
        let list = slots.list().clone();
        let capacity = slots.capacity();
        let mut verdicts = Vec::new();
        for &peer in self.admitted.keys() {
            verdicts.push((peer, slots.verdict(peer, now)));
        }
        if is_stale {
            self.offer_slots();
            self.send_to_all(&RosterMessage::Slots(list));
        }
        for (peer, verdict) in verdicts {
            let ticket = match verdict {
                Verdict::Wait => continue,
                Verdict::Welcome | Verdict::Full => self.admitted.remove(&peer),
            };
            if let Some(ticket) = ticket
                && let Some(session) = self.peers.get_mut(&peer)
            {
                match verdict {
                    Verdict::Full => session.handshake.decide_full(ticket, capacity),
                    _ => session.handshake.decide(ticket, Ok(())),
                }
                self.poll_handshake(peer, None, now);
            }
        }
        for peer in outsiders {
            self.restart(peer, now);
        }
    }

    /// Updates the room's slots in the hellos of all handshakes.
    fn offer_slots(&mut self) {
        if let Some(slots) = &self.slots {
            self.terms.set_slots(slots.capacity(), slots.claim());
            for session in self.peers.values_mut() {
                session.handshake.resend_hello();
            }
        }
    }

    fn send_to_all(&mut self, message: &RosterMessage) {
        // With more links than a report can hold, the local peer sends none, and the other peers do
        // not see its links.
        let Ok(payload) = message.encode() else {
            return;
        };
        let peers: Vec<_> = self.peers.keys().copied().collect();
        for peer in peers {
            // A peer whose queue is full receives the next change instead.
            let _ = self.queue_event(peer, self.roster_kind, payload.clone());
        }
    }

    fn report_skipped(&mut self, ticks: u32) {
        if ticks > 0 {
            self.events.push_back(SessionEvent::TicksSkipped { ticks });
        }
    }
}
