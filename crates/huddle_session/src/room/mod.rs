//! A room as it is played: every peer's session, the room's clock and its roster in one machine.

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
    error::MessageError, event::SessionEvent, section_source::SectionSource, stats::SessionStats,
};

use self::peer::{Copied, OpenSession, PeerSession, Received};
use crate::{
    capacity::{MAX_PLACES, Places, Verdict},
    clock::RoomClock,
    events::QueueError,
    handshake::{Agreement, HandshakeEvent, Refusal, Terms, TermsError, Ticket},
    hash::Fnv64,
    kind::{Delivery, KindError, KindId, Kinds},
    lane::Lane,
    roster::{KickError, KickPolicy, Roster, RosterEvent, RosterMessage},
    schema::Schema,
    state::OwnStates,
    tick::{Tick, TickInstant, TickRate},
    transfer::{OfferError, TransferId, TransferLimits},
};

/// How long a peer is silent before it may be lost; more than between two pings.
const SILENT: Duration = Duration::from_millis(700);

/// What a game is and wants, as its sessions need to know it.
#[derive(Debug, Clone)]
pub struct RoomSetup {
    /// This player.
    pub local_id: PeerId,
    /// The game's id and, if it has any, version, such as `"my-game/2"`.
    pub game: String,
    /// Ticks per second.
    pub rate: TickRate,
    /// What the game declared.
    pub kinds: Kinds,
    /// Who may kick players.
    pub policy: KickPolicy,
    /// How many can play, from 2 to [`MAX_PLACES`]; `None` for any number.
    pub capacity: Option<u8>,
    /// What this player says to be admitted.
    pub join_data: Bytes,
    /// Which transfers are accepted.
    pub limits: TransferLimits,
    /// Any random number. Two that are equal must not meet.
    pub seed: u64,
}

impl RoomSetup {
    /// A game with these kinds of messages; the rest as most games have it.
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

/// All sessions of one room.
///
/// Time is since the room was joined, and never goes back.
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
    /// When the clock advanced last.
    advanced: Duration,
    roster: Roster,
    host: PeerId,
    peers: BTreeMap<PeerId, PeerSession>,
    /// What the game has been asked about whom.
    tickets: BTreeMap<PeerId, Ticket>,
    /// Who has a place, in a room with a capacity.
    places: Option<Places>,
    /// What the game admits and waits for a place.
    admitted: BTreeMap<PeerId, Ticket>,
    news: VecDeque<SessionEvent>,
    /// Kept for its memory.
    received: Vec<Received>,
}

/// Why a room cannot be played in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The terms cannot be offered.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// A name is taken that the room needs for itself.
    #[error(transparent)]
    Kinds(#[from] KindError),
    /// So many players cannot be a room.
    #[error("{0} players cannot be a room: choose a capacity from 2 to {MAX_PLACES}")]
    Capacity(u8),
}

impl RoomSession {
    /// A room in which nobody has been met.
    ///
    /// # Errors
    /// If the game's id or the join data is too long, or a name is taken.
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
        if let Some(wrong) = capacity.filter(|it| !(2..=MAX_PLACES).contains(it)) {
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
            places: capacity.map(|capacity| Places::new(local_id, capacity)),
            admitted: BTreeMap::new(),
            news: VecDeque::new(),
            received: Vec::new(),
        };
        room.offer_places();
        Ok(room)
    }

    /// The room's tick.
    pub fn tick(&self) -> Tick {
        Tick(self.clock.tick())
    }

    /// Goes on to the next tick.
    pub fn advance(&mut self, now: Duration) {
        self.advanced = now;
        let ticks = self.clock.advance(now);
        self.skipped(ticks);
        self.poll_places(now);
    }

    /// Whether the room has a limit of players.
    pub fn has_capacity(&self) -> bool {
        self.places.is_some()
    }

    /// Whether a peer's game runs, and for how long nothing has come from it. A game that does not
    /// run gives no places, and the place of one that is silent may soon be free.
    pub fn set_activity(&mut self, peer: PeerId, is_stopped: bool, silence: Duration) {
        if let Some(places) = &mut self.places {
            places.set_stopped(peer, is_stopped);
            places.set_silent(peer, silence >= SILENT);
        }
    }

    /// A link to a peer opened that had none: the handshake begins.
    pub fn link_opened(&mut self, peer: PeerId, now: Duration) {
        self.link_lost(peer);
        let session = PeerSession::new(self.nonce(peer), now);
        self.peers.insert(peer, session);
        if let Some(places) = &mut self.places {
            places.link_opened(peer, now);
        }
    }

    /// A peer's link is a new one.
    pub fn link_replaced(&mut self, peer: PeerId) {
        if let Some(open) = self.open(peer) {
            open.link_replaced();
        }
    }

    /// A peer is given up: what it did not confirm is told.
    pub fn link_lost(&mut self, peer: PeerId) {
        self.close(peer);
        self.peers.remove(&peer);
        self.tickets.remove(&peer);
        self.admitted.remove(&peer);
        if let Some(places) = &mut self.places {
            places.link_lost(peer, self.advanced);
        }
    }

    /// Takes a message from a peer that arrived at `arrived`.
    ///
    /// # Errors
    /// If it makes no sense, which an honest peer's never does. What came before the error counts.
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
            // It will be sent again once the handshake is done.
            (0x10, Lane::Events, None)
            | (0x20..=0x2f, Lane::State, None)
            | (0x30..=0x3f, Lane::Bulk, None) => Ok(()),
            _ => Err(MessageError::UnknownType(kind)),
        };
        let taken = self.take(peer, arrived, &mut received);
        received.clear();
        self.received = received;
        self.poll_transfers(peer);
        result.and(taken)
    }

    /// What happened. Call it after everything else until it returns `None`.
    pub fn poll(&mut self) -> Option<SessionEvent> {
        self.news.pop_front()
    }

    /// The next message to send to a peer over a lane that takes at most `credit` bytes now. Call it
    /// until it returns `None`. Of [`Lane::State`] there are at most two per tick; the second has
    /// parts of values that are longer than a packet.
    pub fn collect(
        &mut self,
        peer: PeerId,
        lane: Lane,
        now: Duration,
        own: &OwnStates,
        credit: usize,
    ) -> Option<Bytes> {
        let session = self.peers.get_mut(&peer)?;
        match lane {
            Lane::State => match session.collect_copy(Tick(self.clock.tick()), credit) {
                Copied::Now(copy) => Some(copy),
                Copied::InThisTick => None,
                Copied::Nothing => self.collect_packet(peer, now, own, &mut (), credit),
            },
            Lane::Events => {
                let message =
                    session.collect_events(now, &self.terms, self.clock.reading(), credit);
                self.poll_handshake(peer, None, now);
                message
            }
            Lane::Bulk => session.open.as_mut()?.collect_bulk(now, credit),
        }
    }

    /// As [`Self::collect`] of [`Lane::State`], with a source's section in the first packet of a tick.
    pub fn collect_packet(
        &mut self,
        peer: PeerId,
        now: Duration,
        own: &OwnStates,
        source: &mut dyn SectionSource,
        credit: usize,
    ) -> Option<Bytes> {
        let tick = self.tick();
        let open = self.peers.get_mut(&peer)?.open.as_mut()?;
        open.collect_packet(now, tick, &self.kinds, own, (peer, source), credit)
    }

    /// Queues an event for a peer.
    ///
    /// # Errors
    /// If its kind is not declared as an event, it is too long, or too much is waiting already.
    pub fn queue_event(
        &mut self,
        peer: PeerId,
        kind: KindId,
        payload: Bytes,
    ) -> Result<(), QueueError> {
        let is_event = self.kinds.delivery(kind) == Some(Delivery::Event);
        let index = self.kinds.index(kind).filter(|_| is_event);
        let index = index.ok_or(QueueError::NotAnEvent(kind))? as u32;
        match self.open(peer) {
            Some(open) => open.queue_event(index, kind, payload),
            None => Ok(()),
        }
    }

    /// Whether an event of so many bytes could be queued for a peer now.
    ///
    /// # Errors
    /// If it is too long, or too much is waiting already.
    pub fn check_event(&self, peer: PeerId, len: usize) -> Result<(), QueueError> {
        match self.peers.get(&peer).and_then(|peer| peer.open.as_ref()) {
            Some(open) => open.check_event(len),
            None => Ok(()),
        }
    }

    /// Answers [`SessionEvent::JoinRequested`]: lets the peer in, or says why not, in words for
    /// that player.
    pub fn admit(&mut self, peer: PeerId, verdict: Result<(), String>, now: Duration) {
        let Some(ticket) = self.tickets.remove(&peer) else {
            return;
        };
        if let Some(places) = &mut self.places
            && verdict.is_ok()
        {
            self.admitted.insert(peer, ticket);
            places.admit(peer);
            self.poll_places(now);
        } else if let Some(session) = self.peers.get_mut(&peer) {
            session.handshake.decide(ticket, verdict);
            self.poll_handshake(peer, None, now);
        }
    }

    /// Offers bytes to a peer, who receives them in the background; the label is what the peer
    /// knows them by, at most 128 bytes.
    ///
    /// # Errors
    /// If the label is too long, or too many transfers are unfinished. `None` if the peer is not
    /// here.
    pub fn offer(
        &mut self,
        peer: PeerId,
        label: &str,
        bytes: Bytes,
    ) -> Option<Result<TransferId, OfferError>> {
        Some(self.open(peer)?.offer(label, bytes))
    }

    /// Ends a transfer from or to a peer. Says whether it was unfinished.
    pub fn cancel(&mut self, peer: PeerId, id: TransferId) -> bool {
        let cancelled = self.open(peer).is_some_and(|open| open.cancel(id));
        self.poll_transfers(peer);
        cancelled
    }

    /// What is known of the way to a peer, once the handshake is done.
    pub fn stats(&self, peer: PeerId) -> Option<SessionStats> {
        Some(self.peers.get(&peer)?.open.as_ref()?.stats())
    }

    /// Whether the handshake with a peer waits for the peer's game, which gives no sign of life.
    pub fn is_unanswered(&self, peer: PeerId) -> bool {
        self.peers
            .get(&peer)
            .is_some_and(|session| session.handshake.is_unanswered())
    }

    /// Requests that a player is kicked from the room: an order if this player is host and the policy says
    /// so, a vote among equals.
    ///
    /// # Errors
    /// If the room's policy does not allow it, or the player is not there.
    pub fn request_kick(&mut self, peer: PeerId) -> Result<(), KickError> {
        self.roster.request_kick(peer, self.clock.tick())?;
        self.poll_roster();
        Ok(())
    }

    /// Who has been in the room for longest, as far as this player knows.
    pub fn host(&self) -> PeerId {
        self.host
    }

    /// Whom a player says they are linked with.
    pub fn links_of(&self, peer: PeerId) -> Vec<PeerId> {
        self.roster.links_of(peer)
    }

    /// The pairs of players who do not see each other.
    pub fn missing_links(&self) -> Vec<(PeerId, PeerId)> {
        self.roster.missing()
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
            && let Some(places) = &mut self.places
        {
            places.receive_claim(peer, claim, now);
            self.poll_places(now);
        }
        Ok(())
    }

    /// Tells what came of the handshake. `message` is what it was given, for the session after it.
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
                    self.news.push_back(SessionEvent::JoinRequested {
                        peer_id: peer,
                        data,
                    });
                }
                HandshakeEvent::Done(agreement) => self.join(peer, agreement, now),
                HandshakeEvent::Refused(refusal) => {
                    self.close_and_tell(peer);
                    if let Refusal::Full {
                        by_them: true,
                        capacity,
                    } = refusal
                    {
                        self.news.push_back(SessionEvent::Full { capacity });
                    }
                    self.news.push_back(SessionEvent::Refused {
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
                        debug_assert!(false, "it was received before: {error}");
                    }
                }
            }
        }
        if let Some(session) = self.peers.get_mut(&peer)
            && !session.is_over_told
            && session.handshake.is_over()
        {
            session.is_over_told = true;
            self.news.push_back(SessionEvent::Over { peer_id: peer });
        }
    }

    /// Begins a new session with a peer over the same link.
    fn restart(&mut self, peer: PeerId, now: Duration) {
        self.close_and_tell(peer);
        let session = PeerSession::new(self.nonce(peer), now);
        self.peers.insert(peer, session);
        self.tickets.remove(&peer);
        self.admitted.remove(&peer);
        if let Some(places) = &mut self.places {
            places.restarted(peer);
        }
    }

    fn join(&mut self, peer: PeerId, agreement: Agreement, now: Duration) {
        if let Some(places) = &mut self.places {
            if !places.list().has(peer) {
                // It lost its place while the welcomes were on their way.
                return self.restart(peer, now);
            }
            places.joined(peer);
        }
        let age = now.saturating_sub(agreement.clock_received_at);
        // A clock that cannot be right is not followed; play goes on without it.
        if let Ok(skipped) = self.clock.meet(peer, agreement.clock, age, now) {
            self.skipped(skipped);
        }
        let open = OpenSession::new(agreement.tag, self.rate, &self.kinds, self.limits);
        if let Some(session) = self.peers.get_mut(&peer) {
            session.open = Some(open);
        }
        self.news.push_back(SessionEvent::Joined { peer_id: peer });
        let tick = self.clock.tick();
        self.roster.set_joined(self.clock.reading().joined);
        self.roster.meet(peer, agreement.clock.joined, tick);
        self.poll_roster();
    }

    /// Ends what the handshake began; the peer may begin again.
    fn close_and_tell(&mut self, peer: PeerId) {
        if self.close(peer) {
            self.news.push_back(SessionEvent::Left { peer_id: peer });
        }
    }

    fn close(&mut self, peer: PeerId) -> bool {
        let open = self.peers.get_mut(&peer).and_then(|peer| peer.open.take());
        let Some(open) = open else { return false };
        let (mut events, transfers) = open.give_up();
        events.retain(|event| event.kind != self.roster_kind);
        for event in transfers {
            self.news.push_back(SessionEvent::Transfer {
                peer_id: peer,
                event,
            });
        }
        if !events.is_empty() {
            self.news.push_back(SessionEvent::Undelivered {
                peer_id: peer,
                events,
            });
        }
        if let Some(places) = &mut self.places {
            places.session_closed(peer);
        }
        self.clock.forget(peer);
        self.roster.part(peer, self.clock.tick());
        self.poll_roster();
        true
    }

    /// Tells what came out of a message.
    fn take(
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
                    let way = rtt.unwrap_or_default() / 2;
                    if self.clock.hear(peer, tick.0, way, arrived).is_err() {
                        result = Err(MessageError::Tick);
                    }
                }
                Received::Section(packet, payload) => {
                    let rtt = self.open(peer).and_then(|open| open.rtt());
                    self.news.push_back(SessionEvent::Section {
                        peer_id: peer,
                        packet,
                        payload,
                        arrived,
                        rtt,
                    });
                }
                Received::State(index, payload) => {
                    match self.kinds.at(Delivery::State, index.into()) {
                        Some(kind) => self.news.push_back(SessionEvent::State {
                            peer_id: peer,
                            kind,
                            payload,
                        }),
                        None => result = Err(MessageError::UnknownState(index.into())),
                    }
                }
                Received::Event(index, payload) => {
                    match self.kinds.at(Delivery::Event, index as usize) {
                        Some(kind) if kind == self.roster_kind => {
                            match RosterMessage::decode(&payload) {
                                Ok(RosterMessage::Places(list)) => {
                                    if let Some(places) = &mut self.places {
                                        places.receive(peer, list);
                                        self.poll_places(arrived);
                                    }
                                }
                                Ok(message) => {
                                    let tick = self.clock.tick();
                                    self.roster.receive(peer, message, tick);
                                    self.news
                                        .push_back(SessionEvent::MeshChanged { peer_id: peer });
                                    self.poll_roster();
                                }
                                Err(error) => result = Err(MessageError::Roster(error)),
                            }
                        }
                        Some(kind) => self.news.push_back(SessionEvent::Event {
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
            self.news.push_back(SessionEvent::Transfer {
                peer_id: peer,
                event,
            });
        }
    }

    fn poll_roster(&mut self) {
        while let Some(event) = self.roster.poll() {
            match event {
                RosterEvent::Send(message) => self.send_to_all(&message),
                RosterEvent::Kick { peer, by } => {
                    self.news
                        .push_back(SessionEvent::Kicked { peer_id: peer, by });
                }
            }
        }
        let host = self.roster.host();
        if std::mem::replace(&mut self.host, host) != host {
            self.news.push_back(SessionEvent::HostChanged { host });
        }
    }

    /// Does what is due with the room's places.
    fn poll_places(&mut self, now: Duration) {
        let Some(places) = &mut self.places else {
            return;
        };
        places.step(now, |player| self.roster.is_reported(player));
        let is_stale = places.take_stale();
        let outsiders = places.outsiders();
        let list = places.list().clone();
        let capacity = places.capacity();
        let mut verdicts = Vec::new();
        for &peer in self.admitted.keys() {
            verdicts.push((peer, places.verdict(peer, now)));
        }
        if is_stale {
            self.offer_places();
            self.send_to_all(&RosterMessage::Places(list));
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

    /// Puts what is known of the room's places into the hellos.
    fn offer_places(&mut self) {
        if let Some(places) = &self.places {
            self.terms.set_places(places.capacity(), places.claim());
            for session in self.peers.values_mut() {
                session.handshake.resend_hello();
            }
        }
    }

    fn send_to_all(&mut self, message: &RosterMessage) {
        // With more peers than fit nobody is told, and nobody sees whom this player is linked with.
        let Ok(payload) = message.encode() else {
            return;
        };
        let peers: Vec<_> = self.peers.keys().copied().collect();
        for peer in peers {
            // Who has so much waiting that this does not fit will be told the next change.
            let _ = self.queue_event(peer, self.roster_kind, payload.clone());
        }
    }

    fn skipped(&mut self, ticks: u32) {
        if ticks > 0 {
            self.news.push_back(SessionEvent::TicksSkipped { ticks });
        }
    }
}
