mod bystander;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use huddle_rollback::{RollbackEvent, RollbackSession, RollbackSetup, Seat, Step};
use huddle_session::{
    Delivery, KindId, Kinds, Lane, PacketSections, PeerId, QueueError, RoomSession, RoomSetup,
    Schema, SectionKind, SessionEvent, Tick,
};

use super::game::{Limits, Running, SimGame};
use crate::network::{Arrival, Network};

/// The credit of a link in each tick.
const CREDIT: usize = 64 * 1024;

/// The players' inputs, by seat and tick.
pub(super) type Inputs<I> = dyn Fn(Seat, Tick) -> I;

/// One peer: its room, its session and its game.
pub(super) struct Player<G: SimGame> {
    /// The player's index in the simulation.
    pub(super) index: usize,
    kind: KindId,
    bulk_kind: KindId,
    /// Whether the game keeps its queues of events full.
    pub(super) sends_bulk: bool,
    room: RoomSession,
    pub(super) session: RollbackSession<G::Input>,
    pub(super) running: Option<Running<G>>,
    limits: Limits,
    /// The number of the match in the room.
    pub(super) match_number: u32,
    /// The inputs that the last step sampled, by seat and tick.
    pub(super) sampled: Vec<(Seat, Tick, G::Input)>,
    /// The linked players, and the arrival time of the last data from each.
    pub(super) linked: BTreeMap<usize, Duration>,
    /// The players whose programs were restarted.
    restarted: BTreeSet<PeerId>,
    pub(super) events: Vec<RollbackEvent>,
    /// The tick of the last known input of each seat that left, at the time of its departure.
    pub(super) last_known: BTreeMap<Seat, Tick>,
    /// The errors in received data.
    pub(super) errors: Vec<String>,
    /// The number of steps since the match started.
    pub(super) steps: u64,
    /// The time for which the match waited at each departure of other players.
    pub(super) freezes: Vec<Duration>,
    /// The longest time from sampling an input to the packet that carries it.
    pub(super) input_to_packet: Duration,
    /// The time at which the oldest input was sampled that no packet to a linked player contains.
    unsent: BTreeMap<usize, Duration>,
    standstill: Standstill,
}

/// The kind of a loss.
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

/// The part of the time between two steps that counts as waiting for other players. For the rest of that
/// time, the local peer was frozen.
const MOST_OF_A_STEP: Duration = Duration::from_millis(50);

impl Standstill {
    /// Adds a step. If the match continues after a departure, returns the time for which it waited.
    fn step(&mut self, now: Duration, continues: bool) -> Option<Duration> {
        let passed = now.saturating_sub(self.stepped).min(MOST_OF_A_STEP);
        self.stepped = now;
        if !continues {
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
    pub(super) fn new(
        index: usize,
        seed: u64,
        setup: RollbackSetup<G::Input>,
        now: Duration,
    ) -> Self {
        let mut kinds = Kinds::default();
        let kind = kinds
            .declare(
                RollbackSession::<G::Input>::KIND,
                Delivery::Event,
                Schema::of::<Vec<u8>>(),
            )
            .expect("no other kind is declared");
        let bulk_kind = kinds
            .declare("bulk", Delivery::Event, Schema::of::<Vec<u8>>())
            .expect("the name is free");
        let room = RoomSetup {
            seed,
            rate: setup.rate,
            ..RoomSetup::new(peer_id(index), "simulation", kinds)
        };
        Self {
            index,
            kind,
            bulk_kind,
            sends_bulk: false,
            limits: limits_of(&setup),
            match_number: setup.number,
            sampled: Vec::new(),
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
        }
    }

    /// Starts another match in the same room.
    pub(super) fn play_again(&mut self, setup: RollbackSetup<G::Input>, now: Duration) {
        self.limits = limits_of(&setup);
        self.match_number = setup.number;
        self.session = RollbackSession::new(setup, now).expect("the setup is sound");
        self.running = None;
        self.unsent.clear();
        self.restarted.clear();
        self.last_known.clear();
        self.steps = 0;
    }

    /// Starts a rematch.
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

    /// Removes the link to another player without a report to the session.
    pub(super) fn unlink(&mut self, other: usize) {
        self.linked.remove(&other);
        self.unsent.remove(&other);
        self.room.link_lost(peer_id(other));
    }

    /// Replaces the link to another player, which has opened a new one.
    pub(super) fn replace_link(&mut self, other: usize, now: Duration) {
        self.linked.insert(other, now);
        self.room.link_replaced(peer_id(other));
    }

    /// Gives up the link to another player.
    pub(super) fn lose(&mut self, other: usize, loss: Loss, now: Duration) {
        self.linked.remove(&other);
        self.unsent.remove(&other);
        self.room.link_lost(peer_id(other));
        self.handle_room_events(now);
        match loss {
            Loss::Link => self.session.lost(peer_id(other), now),
            Loss::Removed => self.session.removed(peer_id(other), now),
            Loss::Restarted => self.session.restarted(peer_id(other), now),
        }
    }

    /// Runs a tick of the room and of the match: receives data, steps the match, and sends the inputs
    /// that the step sampled.
    pub(super) fn step(
        &mut self,
        now: Duration,
        network: &mut Network<Bytes>,
        inputs: &Inputs<G::Input>,
    ) {
        self.receive_and_step(now, network, inputs);
        self.send(now, network);
    }

    /// Runs a tick, but does not send its packets.
    pub(super) fn receive_and_step(
        &mut self,
        now: Duration,
        network: &mut Network<Bytes>,
        inputs: &Inputs<G::Input>,
    ) {
        self.room.advance(now);
        self.receive(now, network);
        let Self {
            session, sampled, ..
        } = self;
        sampled.clear();
        let step = session.step(now, |seat, tick| {
            let input = inputs(seat, tick);
            sampled.push((seat, tick, input.clone()));
            input
        });
        if !sampled.is_empty() {
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
                self.match_number = self.session.number().unwrap_or_default();
                self.last_known.clear();
                self.steps = 0;
            }
            self.events.push(event);
        }
        let continues = !matches!(step, Ok(Step::Waited(_)));
        self.freezes.extend(self.standstill.step(now, continues));
        if let Some(running) = &mut self.running {
            running.execute_requests(&mut self.session);
        }
    }

    /// Runs a tick of the room, but not of the match, because the game is stopped.
    pub(super) fn step_room(&mut self, now: Duration, network: &mut Network<Bytes>) {
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
        while let Some(arrival) = network.receive(now, self.index) {
            if self.receive_arrival(arrival, now) {
                self.handle_room_events(now);
            }
        }
    }

    /// Passes a packet or message to the room. Returns `false` if its sender is not linked.
    fn receive_arrival(&mut self, arrival: Arrival<Bytes>, now: Duration) -> bool {
        let Some(last_arrival) = self.linked.get_mut(&arrival.from) else {
            return false;
        };
        *last_arrival = now;
        let from = peer_id(arrival.from);
        let received = self
            .room
            .receive(from, arrival.lane, arrival.packet, arrival.at);
        self.record_error(received);
        true
    }

    fn handle_room_events(&mut self, now: Duration) {
        while let Some(event) = self.room.poll() {
            let result = match event {
                SessionEvent::JoinRequested { peer_id: peer, .. } => {
                    self.room.admit(peer, Ok(()), now);
                    Ok(())
                }
                SessionEvent::Joined { peer_id: peer } => {
                    // After a restart, the room reports `Left` before `Joined`.
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
                    kind: SectionKind::Inputs,
                    seq,
                    payload,
                    arrived,
                    rtt,
                    ..
                } => self
                    .session
                    .receive_packet(peer, seq, &payload, arrived, rtt),
                SessionEvent::Event {
                    peer_id: peer,
                    kind,
                    payload,
                } if kind == self.kind => self.session.receive_message(peer, payload, now),
                _ => Ok(()),
            };
            self.record_error(result);
        }
    }

    fn record_error<E: std::fmt::Display>(&mut self, result: Result<(), E>) {
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
            let mut sections = PacketSections::inputs(&mut self.session);
            let packet = self.room.collect_packet(peer, now, &mut sections, CREDIT);
            if let Some(packet) = packet {
                if let Some(sampled) = self.unsent.remove(&other) {
                    self.input_to_packet = self.input_to_packet.max(now - sampled);
                }
                network.send(now, self.index, other, Lane::State, packet.len(), packet);
            }
            while let Some(message) = self.room.collect(peer, Lane::Events, now, CREDIT) {
                network.send(now, self.index, other, Lane::Events, message.len(), message);
            }
        }
    }

    fn send_messages(&mut self) {
        while let Some((peer, message)) = self.session.poll_message() {
            match self.room.queue_event(peer, self.kind, message.clone()) {
                Err(QueueError::Full { .. }) => self.session.return_message(peer, message),
                queued => self.record_error(queued),
            }
        }
    }
}
