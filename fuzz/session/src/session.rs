//! Two honest peers in a room with a hostile one.
//!
//! The hostile peer runs an honest session as well, which completes the handshakes and provides
//! messages to modify. Whatever the hostile peer sends, the two honest peers receive each other's
//! events exactly once and in order, and each other's transfers.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use arbitrary::{Arbitrary, Unstructured};
use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use huddle_session::{
    Direction, KindId, Lane, MAX_PACKET_LEN, MessageError, PeerId, RoomSession, SessionEvent,
    TransferEvent, TransferId,
};

use crate::{
    honest::{nonce_of, peer_id, room},
    message::{Context, Message, Number},
};

const TICK: Duration = Duration::from_millis(50);
/// The index of the hostile peer. The honest peers are 0 and 1.
const MALLORY: usize = 2;
/// The maximum number of events that one message may trigger.
const MAX_EVENTS: usize = 1200;
/// The maximum number of event bytes that may wait for a peer.
const MAX_QUEUED: usize = 512 * 1024;
/// The number of ticks on a lossless network after which everything has to be delivered.
const MAX_SETTLE_TICKS: u32 = 1200;
/// The number of messages per direction that can be repeated.
const MAX_HISTORY: usize = 64;

const SPLASH: KindId = KindId::of("splash");

/// Creates values until the input is used up.
pub(crate) fn rest<'a, T: Arbitrary<'a>>(u: &mut Unstructured<'a>) -> arbitrary::Result<Vec<T>> {
    let mut all = Vec::new();
    while !u.is_empty() {
        all.push(u.arbitrary()?);
    }
    Ok(all)
}

fn index_of(peer: PeerId) -> usize {
    peer.as_u128() as usize - 1
}

/// The course of a room.
#[derive(Debug, Arbitrary)]
pub struct Scenario {
    seed: u8,
    /// The number of ticks before the first step.
    warmup: u8,
    #[arbitrary(with = rest)]
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    /// Up to 32 ticks pass.
    Ticks(u8),
    /// The hostile peer sends a message to an honest one.
    Message(bool, Message),
    /// The hostile peer repeats a message of its honest session with changed bytes.
    Changed {
        to: bool,
        which: u8,
        changes: Vec<(u8, u8)>,
        len: u8,
    },
    Event(Pair, u16),
    Offer(Pair, u16),
    Cancel(Pair, bool, u8),
    /// The link between the honest peers is replaced.
    Replaced {
        noticed: [bool; 2],
    },
    /// Sets how many of 16 packets the network loses and duplicates.
    Network {
        loss: u8,
        duplicated: u8,
        credit: u16,
    },
    /// A message between the honest peers arrives again, possibly damaged. It must have no effect.
    Replay {
        from: bool,
        which: u8,
        how: Replay,
    },
    /// The hostile peer joins again and may send a false tick.
    Rejoin {
        at: bool,
        claim: Option<Number>,
        admitted: u8,
    },
}

/// A sender and a receiver.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Pair {
    Honest(bool),
    WithMallory(bool),
}

impl Pair {
    fn indices(self) -> (usize, usize) {
        match self {
            Self::Honest(from) => (from.into(), (!from).into()),
            Self::WithMallory(from) => (from.into(), MALLORY),
        }
    }
}

#[derive(Debug, Arbitrary)]
enum Replay {
    Unchanged,
    /// Replaces the session tag.
    OtherTag(u8),
    OtherLane,
    /// Sends only the first byte.
    Cut,
}

#[derive(Default)]
struct Pipe {
    in_flight: Vec<(u64, Lane, Bytes)>,
    /// The last messages that were sent.
    history: VecDeque<(Lane, Bytes)>,
}

/// The data that one peer has exchanged with another.
#[derive(Default)]
struct Exchange {
    joined: u32,
    sent: u32,
    received: u32,
    /// The outgoing transfers, and whether each is unfinished.
    offered: BTreeMap<u64, bool>,
    /// The incoming transfers, and whether each is unfinished.
    started: BTreeMap<u64, bool>,
}

struct World {
    tick: u64,
    rng: Rng,
    rooms: [RoomSession; 3],
    pipes: BTreeMap<(usize, usize), Pipe>,
    exchanges: BTreeMap<(usize, usize), Exchange>,
    contexts: [Context; 2],
    loss: u8,
    duplicated: u8,
    credit: usize,
    claims: [Option<u32>; 2],
    admitted: u8,
}

impl Scenario {
    /// Runs the scenario, and panics if the honest peers violate an invariant.
    pub fn run(self) {
        let mut world = World::new(self.seed.into());
        world.run_ticks(self.warmup % 64);
        for step in self.steps {
            world.step(step);
        }
        world.settle();
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            tick: 0,
            rng: Rng::with_seed(seed),
            rooms: [room(0), room(1), room(2)],
            pipes: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            contexts: [Context::default(); 2],
            loss: 0,
            duplicated: 0,
            credit: 60_000,
            claims: [None; 2],
            admitted: 0,
        };
        for a in 0..3 {
            for b in (0..3).filter(|b| *b != a) {
                world.pipes.insert((a, b), Pipe::default());
                world.exchanges.insert((a, b), Exchange::default());
                world.rooms[a].link_opened(peer_id(b), Duration::ZERO);
            }
        }
        world
    }

    fn now(&self) -> Duration {
        TICK * self.tick as u32
    }

    fn exchange(&mut self, local: usize, other: usize) -> &mut Exchange {
        self.exchanges.entry((local, other)).or_default()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Ticks(ticks) => self.run_ticks(ticks % 32 + 1),
            Step::Message(to, message) => {
                let (lane, bytes) = message.encode(&self.contexts[usize::from(to)]);
                self.deliver_hostile(to.into(), lane, bytes);
            }
            Step::Changed {
                to,
                which,
                changes,
                len,
            } => {
                let pipe = &self.pipes[&(MALLORY, to.into())];
                let Some(at) = usize::from(which).checked_rem(pipe.history.len()) else {
                    return;
                };
                let (lane, bytes) = &pipe.history[at];
                let mut bytes = BytesMut::from(bytes.as_ref());
                for (at, value) in changes {
                    if let Some(at) = usize::from(at).checked_rem(bytes.len()) {
                        bytes[at] = value;
                    }
                }
                if len % 4 == 0 {
                    bytes.truncate(usize::from(len) / 4);
                }
                self.deliver_hostile(to.into(), *lane, bytes.freeze());
            }
            Step::Event(pair, len) => self.send_event(pair.indices(), len.into()),
            Step::Offer(pair, len) => {
                let (from, to) = pair.indices();
                let number = self.exchange(from, to).offered.len() as u64;
                let (label, bytes) = transfer(number, len.into());
                if let Some(Ok(id)) = self.rooms[from].offer(peer_id(to), &label, bytes) {
                    self.exchange(from, to).offered.insert(id.number, true);
                }
            }
            Step::Cancel(pair, outgoing, number) => {
                let (from, to) = pair.indices();
                let direction = if outgoing {
                    Direction::Outgoing
                } else {
                    Direction::Incoming
                };
                let number = number.into();
                self.rooms[from].cancel(peer_id(to), TransferId { direction, number });
                self.drain_events(from);
            }
            Step::Replaced { noticed } => {
                for (local, noticed) in noticed.into_iter().enumerate() {
                    let pipe = self.pipes.get_mut(&(local, 1 - local)).expect("a link");
                    let left = self.rng.usize(..=pipe.in_flight.len());
                    pipe.in_flight.truncate(left);
                    // Reporting the replacement is optional. It only speeds up the repair.
                    if noticed {
                        self.rooms[local].link_replaced(peer_id(1 - local));
                    }
                }
            }
            Step::Network {
                loss,
                duplicated,
                credit,
            } => {
                (self.loss, self.duplicated) = (loss % 16, duplicated % 16);
                self.credit = usize::from(credit);
            }
            Step::Replay { from, which, how } => self.replay(from.into(), which, &how),
            Step::Rejoin {
                at,
                claim,
                admitted,
            } => {
                let at = usize::from(at);
                self.claims[at] = claim.map(|claim| claim.0 as u32);
                self.admitted = admitted;
                let now = self.now();
                for (local, other) in [(at, MALLORY), (MALLORY, at)] {
                    self.pipes.insert((local, other), Pipe::default());
                    self.exchanges.insert((local, other), Exchange::default());
                    self.rooms[local].link_lost(peer_id(other));
                    self.drain_events(local);
                    self.exchanges.insert((local, other), Exchange::default());
                    self.rooms[local].link_opened(peer_id(other), now);
                }
            }
        }
    }

    fn send_event(&mut self, (from, to): (usize, usize), len: usize) {
        // The session accepts no events before the peer has joined.
        if self.exchange(from, to).joined == 0 {
            return;
        }
        let mut payload = self.exchange(from, to).sent.to_le_bytes().to_vec();
        payload.resize(len.max(4), from as u8);
        let check = self.rooms[from].check_event(peer_id(to), payload.len());
        let queued = self.rooms[from].queue_event(peer_id(to), SPLASH, payload.into());
        assert_eq!(check, queued);
        if queued.is_ok() {
            self.exchange(from, to).sent += 1;
        }
    }

    /// Delivers a message from the hostile peer.
    fn deliver_hostile(&mut self, to: usize, lane: Lane, bytes: Bytes) {
        let now = self.now();
        let _ = self.rooms[to].receive(peer_id(MALLORY), lane, bytes, now);
        self.drain_events(to);
        if let Some(stats) = self.rooms[to].stats(peer_id(MALLORY)) {
            assert!(stats.queued_event_bytes <= MAX_QUEUED);
        }
    }

    /// Delivers a message between the honest peers again, possibly damaged.
    fn replay(&mut self, from: usize, which: u8, how: &Replay) {
        let to = 1 - from;
        let history = &self.pipes[&(from, to)].history;
        let Some(at) = usize::from(which).checked_rem(history.len()) else {
            return;
        };
        let (lane, bytes) = history[at].clone();
        let mut lane = lane;
        let mut bytes = BytesMut::from(bytes.as_ref());
        let is_handshake = bytes[0] < 0x10;
        match how {
            Replay::Unchanged => {}
            Replay::OtherTag(by) if !is_handshake => bytes[1] ^= by | 1,
            Replay::OtherTag(_) => return,
            // The session also accepts handshake messages on the lane of events.
            Replay::OtherLane if is_handshake && lane == Lane::State => return,
            Replay::OtherLane => {
                let next = Lane::ALL.iter().position(|other| *other == lane);
                lane = Lane::ALL[(next.unwrap_or(0) + 1) % Lane::ALL.len()];
            }
            Replay::Cut => bytes.truncate(1),
        }
        let now = self.now();
        let result = self.rooms[to].receive(peer_id(from), lane, bytes.freeze(), now);
        match how {
            Replay::Unchanged | Replay::OtherTag(_) => self.assert_accepted(result),
            Replay::OtherLane => {
                assert!(
                    matches!(result, Err(MessageError::UnknownType(_))),
                    "{result:?}"
                );
            }
            Replay::Cut => {}
        }
        self.drain_events(to);
    }

    /// Asserts that a session accepted a message of an honest peer.
    #[track_caller]
    fn assert_accepted(&self, result: Result<(), MessageError>) {
        assert_eq!(result, Ok(()));
    }

    fn run_ticks(&mut self, ticks: u8) {
        for _ in 0..ticks {
            self.tick();
        }
    }

    fn tick(&mut self) {
        self.tick += 1;
        let now = self.now();
        for to in 0..3 {
            for from in (0..3).filter(|from| *from != to) {
                let pipe = self.pipes.get_mut(&(from, to)).expect("a link");
                let due = self.tick;
                let here: Vec<_> = pipe
                    .in_flight
                    .extract_if(.., |(at, ..)| *at <= due)
                    .collect();
                for (_, lane, bytes) in here {
                    let result = self.rooms[to].receive(peer_id(from), lane, bytes, now);
                    if from != MALLORY && to != MALLORY {
                        self.assert_accepted(result);
                    }
                    self.drain_events(to);
                }
            }
        }
        for local in 0..3 {
            self.rooms[local].advance(now);
            for other in (0..3).filter(|other| *other != local) {
                for lane in Lane::ALL {
                    self.collect(local, other, lane);
                }
            }
            self.drain_events(local);
        }
    }

    fn collect(&mut self, local: usize, other: usize, lane: Lane) {
        let now = self.now();
        let mut left = self.credit;
        let mut packets = 0;
        while let Some(bytes) = self.rooms[local].collect(peer_id(other), lane, now, left) {
            packets += 1;
            assert!(
                !bytes.is_empty() && bytes.len() <= left,
                "{} of {left}",
                bytes.len()
            );
            assert!(bytes[0] < 0x10 || bytes.len() <= MAX_PACKET_LEN);
            assert!(
                lane != Lane::State || packets <= 1,
                "more than one packet in one tick"
            );
            left -= bytes.len();
            self.send(local, other, lane, bytes);
        }
    }

    fn send(&mut self, local: usize, other: usize, lane: Lane, bytes: Bytes) {
        let bytes = self.observe(local, other, bytes);
        let pipe = self.pipes.get_mut(&(local, other)).expect("a link");
        if pipe.history.len() == MAX_HISTORY {
            pipe.history.pop_front();
        }
        pipe.history.push_back((lane, bytes.clone()));
        if lane != Lane::State {
            return pipe.in_flight.push((self.tick + 1, lane, bytes));
        }
        for copy in [self.loss, 15 - self.duplicated] {
            // The first copy is sent unless it is lost, the second one only if it is duplicated.
            if self.rng.u8(..16) >= copy && (copy == self.loss || self.duplicated > 0) {
                let at = self.tick + self.rng.u64(1..=3);
                pipe.in_flight.push((at, lane, bytes.clone()));
            }
        }
    }

    /// Records the nonces and other values that the hostile peer learns from a message. Changes its
    /// own hellos.
    fn observe(&mut self, local: usize, other: usize, bytes: Bytes) -> Bytes {
        let number = |bytes: &[u8]| Some(u16::from_le_bytes([*bytes.get(2)?, *bytes.get(3)?]));
        if local == MALLORY {
            let context = &mut self.contexts[other];
            if let Some(nonce) = nonce_of(&bytes) {
                context.from = nonce;
                if let Some(claim) = self.claims[other] {
                    let mut changed = BytesMut::from(bytes.as_ref());
                    changed[34..38].copy_from_slice(&claim.to_le_bytes());
                    changed[38..42].copy_from_slice(&claim.to_le_bytes());
                    return changed.freeze();
                }
            } else if bytes[0] & 0xf0 == 0x20 {
                context.seq = number(&bytes).map_or(0, |seq| seq.wrapping_add(1));
            }
        } else if other == MALLORY {
            let context = &mut self.contexts[local];
            if let Some(nonce) = nonce_of(&bytes) {
                context.to = nonce;
            } else if bytes[0] >= 0x10 {
                context.tag = bytes[1];
                if bytes[0] & 0xf0 == 0x20 {
                    context.ack = number(&bytes).unwrap_or(0);
                }
            }
        }
        bytes
    }

    /// Handles the events of a peer's session.
    fn drain_events(&mut self, local: usize) {
        let mut events = 0;
        let now = self.now();
        while let Some(event) = self.rooms[local].poll() {
            events += 1;
            assert!(events <= MAX_EVENTS);
            let is_pair = |peer: PeerId| local != MALLORY && peer != peer_id(MALLORY);
            match event {
                SessionEvent::JoinRequested { peer_id: peer, .. } => match self.admitted % 4 {
                    1 if !is_pair(peer) => {
                        self.rooms[local].admit(peer, Err("no".to_owned()), now);
                    }
                    2 if !is_pair(peer) => {}
                    _ => self.rooms[local].admit(peer, Ok(()), now),
                },
                SessionEvent::Joined { peer_id: peer } => {
                    let exchange = self.exchange(local, index_of(peer));
                    exchange.joined += 1;
                    assert!(exchange.joined == 1 || !is_pair(peer), "joined twice");
                }
                SessionEvent::Event {
                    peer_id: peer,
                    kind,
                    payload,
                } if is_pair(peer) => {
                    assert_eq!(kind, SPLASH);
                    let other = index_of(peer);
                    let exchange = self.exchange(local, other);
                    assert_eq!(
                        payload[..4],
                        exchange.received.to_le_bytes(),
                        "events arrive exactly once and in order"
                    );
                    assert!(payload[4..].iter().all(|byte| usize::from(*byte) == other));
                    exchange.received += 1;
                }
                SessionEvent::Transfer {
                    peer_id: peer,
                    event,
                } if is_pair(peer) => {
                    self.handle_transfer(local, index_of(peer), event);
                }
                SessionEvent::Left { peer_id: peer }
                | SessionEvent::Refused { peer_id: peer, .. }
                | SessionEvent::Ended { peer_id: peer }
                | SessionEvent::Undelivered { peer_id: peer, .. } => {
                    assert!(!is_pair(peer), "honest peers stay connected");
                }
                _ => {}
            }
        }
    }

    fn handle_transfer(&mut self, local: usize, other: usize, event: TransferEvent) {
        let exchange = self.exchange(local, other);
        let mut end = |id: TransferId| {
            let open = match id.direction {
                Direction::Outgoing => &mut exchange.offered,
                Direction::Incoming => &mut exchange.started,
            };
            assert_eq!(open.insert(id.number, false), Some(true), "{id} ends once");
        };
        match event {
            TransferEvent::Started { id, .. } if id.direction == Direction::Incoming => {
                assert_eq!(exchange.started.insert(id.number, true), None);
            }
            TransferEvent::Received { id, label, bytes } => {
                assert_eq!((label, bytes.clone()), transfer(id.number, bytes.len()));
                end(id);
            }
            TransferEvent::Delivered { id } | TransferEvent::Failed { id, .. } => end(id),
            TransferEvent::Started { .. } | TransferEvent::Progress { .. } => {}
        }
    }

    /// Removes the hostile peer and all packet loss, and waits until everything is delivered.
    fn settle(&mut self) {
        (self.loss, self.duplicated, self.credit) = (0, 0, 60_000);
        for local in 0..2 {
            self.rooms[local].link_lost(peer_id(MALLORY));
        }
        for _ in 0..MAX_SETTLE_TICKS {
            if self.has_settled() {
                return;
            }
            self.tick();
        }
        for (local, other) in [(0, 1), (1, 0)] {
            let (sent, received) = (
                self.exchanges[&(local, other)].sent,
                self.exchanges[&(other, local)].received,
            );
            assert_eq!(sent, received, "events from {local}");
            assert_eq!(
                self.exchanges[&(local, other)]
                    .offered
                    .values()
                    .find(|open| **open),
                None
            );
        }
        panic!("the honest peers have not joined, or an incoming transfer has not ended");
    }

    fn has_settled(&self) -> bool {
        [(0, 1), (1, 0)].into_iter().all(|(local, other)| {
            let (mine, theirs) = (
                &self.exchanges[&(local, other)],
                &self.exchanges[&(other, local)],
            );
            let ended = |open: &BTreeMap<u64, bool>| open.values().all(|open| !open);
            mine.joined == 1
                && mine.sent == theirs.received
                && ended(&mine.offered)
                && ended(&mine.started)
        })
    }
}

/// Returns the label and the content of a transfer.
fn transfer(number: u64, len: usize) -> (String, Bytes) {
    (format!("{number}"), vec![number as u8; len].into())
}
