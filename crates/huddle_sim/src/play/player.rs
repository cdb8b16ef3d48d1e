mod bystander;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use huddle_rollback::{RollbackEvent, RollbackSession, RollbackSetup, Seat, Step};
use huddle_session::{
    Delivery, KindId, Kinds, Lane, OwnStates, PeerId, QueueError, RoomSession, RoomSetup, Schema,
    SessionEvent, Tick,
};

use super::game::{Limits, Running, SimGame};
use crate::network::Network;

/// The credit of a link in each tick.
const CREDIT: usize = 64 * 1024;

/// The players' inputs, by seat and tick.
pub(super) type Inputs<I> = dyn Fn(Seat, Tick) -> I;

/// One peer: its room, its session and its game.
pub(super) struct Player<G: SimGame> {
    pub(super) me: usize,
    kind: KindId,
    bulk_kind: KindId,
    /// Whether the game keeps its queues of events full.
    pub(super) sends_bulk: bool,
    room: RoomSession,
    pub(super) session: RollbackSession<G::Input>,
    pub(super) running: Option<Running<G>>,
    limits: Limits,
    /// The number of the match in the room.
    pub(super) round: u32,
    /// The inputs that were sampled in the last step, by seat and tick.
    pub(super) asked: Vec<(Seat, Tick, G::Input)>,
    /// The linked players, and when each was heard from last.
    pub(super) linked: BTreeMap<usize, Duration>,
    /// The players whose programs were restarted.
    restarted: BTreeSet<PeerId>,
    pub(super) events: Vec<RollbackEvent>,
    /// The ticks of the last known inputs of seats, at the time when they left.
    pub(super) last_known: BTreeMap<Seat, Tick>,
    /// The errors in received data.
    pub(super) errors: Vec<String>,
    /// The number of steps since the match started.
    pub(super) steps: u64,
    /// How long the match waited each time that other players left.
    pub(super) freezes: Vec<Duration>,
    /// The longest time from sampling an input to the packet that carries it.
    pub(super) input_to_packet: Duration,
    /// For each linked player, when the oldest input was sampled that no packet has carried.
    unsent: BTreeMap<usize, Duration>,
    standstill: Standstill,
    own: OwnStates,
}

/// How a player is lost.
#[derive(Debug, Clone, Copy)]
pub(super) enum Loss {
    Link,
    Removed,
    Restarted,
}

/// The time for which the match has waited.
#[derive(Debug, Default)]
struct Standstill {
    stepped: Duration,
    total: Duration,
    /// Whether other players left in the meantime.
    has_left: bool,
}

/// The longest time between two steps that counts as waiting for other players. For the rest of it,
/// this peer itself was frozen.
const MOST_OF_A_STEP: Duration = Duration::from_millis(50);

impl Standstill {
    /// Adds a step. Returns how long the match waited if it continues after players have left.
    fn step(&mut self, now: Duration, goes_on: bool) -> Option<Duration> {
        let passed = now.saturating_sub(self.stepped).min(MOST_OF_A_STEP);
        self.stepped = now;
        if !goes_on {
            self.total += passed;
            return None;
        }
        let stood = std::mem::take(&mut self.total);
        std::mem::take(&mut self.has_left).then_some(stood)
    }
}

pub(super) fn peer_id(player: usize) -> PeerId {
    PeerId::from_u128(player as u128 + 1)
}

fn limits_of<I>(setup: &RollbackSetup<I>) -> Limits {
    Limits {
        window: setup.window,
        save_every: setup.save_every,
        is_sync_test: setup.sync_test.is_some(),
    }
}

impl<G: SimGame> Player<G> {
    pub(super) fn new(me: usize, seed: u64, setup: RollbackSetup<G::Input>, now: Duration) -> Self {
        let mut kinds = Kinds::default();
        let kind = kinds
            .declare(
                RollbackSession::<G::Input>::KIND,
                Delivery::Event,
                Schema::of::<Vec<u8>>(),
            )
            .expect("nothing else is declared");
        let bulk_kind = kinds
            .declare("bulk", Delivery::Event, Schema::of::<Vec<u8>>())
            .expect("the name is free");
        let room = RoomSetup {
            seed,
            rate: setup.rate,
            ..RoomSetup::new(peer_id(me), "simulation", kinds)
        };
        Self {
            me,
            kind,
            bulk_kind,
            sends_bulk: false,
            limits: limits_of(&setup),
            round: setup.number,
            asked: Vec::new(),
            room: RoomSession::new(room).expect("the names are free"),
            session: RollbackSession::new(setup, now).expect("the setup is sound"),
            running: None,
            linked: BTreeMap::new(),
            restarted: BTreeSet::new(),
            events: Vec::new(),
            last_known: BTreeMap::new(),
            errors: Vec::new(),
            steps: 0,
            freezes: Vec::new(),
            input_to_packet: Duration::ZERO,
            unsent: BTreeMap::new(),
            standstill: Standstill::default(),
            own: OwnStates::default(),
        }
    }

    /// Starts another match in the same room.
    pub(super) fn play_again(&mut self, setup: RollbackSetup<G::Input>, now: Duration) {
        self.limits = limits_of(&setup);
        self.round = setup.number;
        self.session = RollbackSession::new(setup, now).expect("the setup is sound");
        self.running = None;
        self.unsent.clear();
        self.restarted.clear();
        self.last_known.clear();
        self.steps = 0;
    }

    /// Another match follows the running one.
    pub(super) fn rematch(&mut self, setup: RollbackSetup<G::Input>, now: Duration) {
        self.limits = limits_of(&setup);
        self.session
            .rematch(setup, now)
            .expect("the setup is sound");
    }

    /// Opens the link to another player.
    pub(super) fn link(&mut self, other: usize, now: Duration) {
        self.linked.insert(other, now);
        self.room.link_opened(peer_id(other), now);
    }

    /// The link to another player is missing, and the session never learns of it.
    pub(super) fn unlink(&mut self, other: usize) {
        self.linked.remove(&other);
        self.unsent.remove(&other);
        self.room.link_lost(peer_id(other));
    }

    /// Another player opens a link that replaces the one before.
    pub(super) fn replace_link(&mut self, other: usize, now: Duration) {
        self.linked.insert(other, now);
        self.room.link_replaced(peer_id(other));
    }

    /// Gives up the link to another player.
    pub(super) fn lose(&mut self, other: usize, loss: Loss, now: Duration) {
        self.linked.remove(&other);
        self.unsent.remove(&other);
        self.room.link_lost(peer_id(other));
        self.listen(now);
        match loss {
            Loss::Link => self.session.lost(peer_id(other), now),
            Loss::Removed => self.session.removed(peer_id(other), now),
            Loss::Restarted => self.session.restarted(peer_id(other), now),
        }
    }

    /// Runs a tick of the room and of the match: receives, steps, and sends.
    ///
    /// The step of the match is the tick of the room. The inputs that it samples leave at once.
    pub(super) fn step(
        &mut self,
        now: Duration,
        network: &mut Network<Bytes>,
        inputs: &Inputs<G::Input>,
    ) {
        self.go_on(now, network, inputs);
        self.send(now, network);
    }

    /// Runs a tick up to where its packets are sent.
    pub(super) fn go_on(
        &mut self,
        now: Duration,
        network: &mut Network<Bytes>,
        inputs: &Inputs<G::Input>,
    ) {
        self.room.advance(now);
        self.receive(now, network);
        let Self { session, asked, .. } = self;
        asked.clear();
        let step = session.step(now, |seat, tick| {
            let input = inputs(seat, tick);
            asked.push((seat, tick, input.clone()));
            input
        });
        if !asked.is_empty() {
            for &other in self.linked.keys() {
                self.unsent.entry(other).or_insert(now);
            }
        }
        match step {
            Ok(Step::Ran | Step::Waited(_)) => self.steps += 1,
            Ok(Step::Idle) => {}
            Err(error) => panic!("{error}"),
        }
        while let Some(event) = self.session.poll() {
            if let RollbackEvent::SeatLeft { seat, .. } = event {
                self.standstill.has_left = true;
                let history = self.running.as_ref().map(|running| &running.history);
                let known = history.and_then(|history| history.last_confirmed(seat));
                self.last_known.extend(known.map(|known| (seat, known)));
            }
            if let RollbackEvent::Started { seed } = event {
                self.running = Some(Running::new(seed, self.limits));
                self.round = self.session.number().unwrap_or_default();
                self.last_known.clear();
                self.steps = 0;
            }
            self.events.push(event);
        }
        let goes_on = !matches!(step, Ok(Step::Waited(_)));
        self.freezes.extend(self.standstill.step(now, goes_on));
        if let Some(running) = &mut self.running {
            running.obey(&mut self.session);
        }
    }

    /// Runs a tick of the room alone, because the game is stopped: receives and answers.
    pub(super) fn stand_by(&mut self, now: Duration, network: &mut Network<Bytes>) {
        self.room.advance(now);
        self.receive(now, network);
        self.send(now, network);
    }

    /// Leaves the match and announces it.
    pub(super) fn leave(&mut self, now: Duration, network: &mut Network<Bytes>) {
        self.session.leave(now);
        self.send(now, network);
    }

    fn receive(&mut self, now: Duration, network: &mut Network<Bytes>) {
        while let Some(arrival) = network.receive(now, self.me) {
            let Some(heard) = self.linked.get_mut(&arrival.from) else {
                continue;
            };
            *heard = now;
            let from = peer_id(arrival.from);
            let received = self
                .room
                .receive(from, arrival.lane, arrival.packet, arrival.at);
            self.note(received);
            self.listen(now);
        }
    }

    fn listen(&mut self, now: Duration) {
        while let Some(event) = self.room.poll() {
            let result = match event {
                SessionEvent::JoinRequested { peer_id: peer, .. } => {
                    self.room.admit(peer, Ok(()), now);
                    Ok(())
                }
                SessionEvent::Joined { peer_id: peer } => {
                    // The room reports `Left` before it reports a program that has restarted.
                    if !self.restarted.contains(&peer) {
                        self.session.linked(peer);
                    }
                    Ok(())
                }
                SessionEvent::Left { peer_id: peer } => {
                    self.restarted.insert(peer);
                    self.session.restarted(peer, now);
                    Ok(())
                }
                SessionEvent::Section {
                    peer_id: peer,
                    packet,
                    payload,
                    arrived,
                    rtt,
                } => self
                    .session
                    .receive_packet(peer, packet, &payload, arrived, rtt),
                SessionEvent::Event {
                    peer_id: peer,
                    kind,
                    payload,
                } if kind == self.kind => self.session.receive_message(peer, payload, now),
                _ => Ok(()),
            };
            self.note(result);
        }
    }

    fn note<E: std::fmt::Display>(&mut self, result: Result<(), E>) {
        if let Err(error) = result
            && self.errors.len() < 16
        {
            self.errors.push(error.to_string());
        }
    }

    pub(super) fn send(&mut self, now: Duration, network: &mut Network<Bytes>) {
        if self.sends_bulk {
            for peer in self.linked.keys().map(|&other| peer_id(other)) {
                let bulk = || Bytes::from_static(&[0; 8000]);
                while self.room.stats(peer).is_some()
                    && self.room.queue_event(peer, self.bulk_kind, bulk()).is_ok()
                {}
            }
        }
        self.send_messages();
        for &other in self.linked.keys() {
            let peer = peer_id(other);
            let packet = self
                .room
                .collect_packet(peer, now, &self.own, &mut self.session, CREDIT);
            if let Some(packet) = packet {
                if let Some(sampled) = self.unsent.remove(&other) {
                    self.input_to_packet = self.input_to_packet.max(now - sampled);
                }
                network.send(now, self.me, other, Lane::State, packet.len(), packet);
            }
            while let Some(message) = self
                .room
                .collect(peer, Lane::Events, now, &self.own, CREDIT)
            {
                network.send(now, self.me, other, Lane::Events, message.len(), message);
            }
        }
    }

    fn send_messages(&mut self) {
        while let Some((peer, message)) = self.session.poll_message() {
            match self.room.queue_event(peer, self.kind, message.clone()) {
                Err(QueueError::Full { .. }) => self.session.return_message(peer, message),
                queued => self.note(queued),
            }
        }
    }
}
