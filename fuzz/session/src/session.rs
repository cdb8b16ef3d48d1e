//! Two honest players in a room with a hostile one.
//!
//! The third player runs an honest machine too, whose messages are the hostile ones' stock: so
//! handshakes are completed before things go wrong. Whatever it says, the other two get each
//! other's events exactly once and in order, each other's newest state and each other's transfers.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use arbitrary::{Arbitrary, Unstructured};
use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use huddle_session::{
    Direction, KindId, Lane, MAX_PACKET_LEN, MessageError, OwnStates, PeerId, RoomSession,
    SessionEvent, TransferEvent, TransferId,
};

use crate::{
    honest::{nonce_of, peer_id, room},
    said::{Context, Number, Said},
};

const TICK: Duration = Duration::from_millis(50);
/// The hostile player; the others are 0 and 1.
const MALLORY: usize = 2;
/// No message has more consequences.
const MAX_NEWS: usize = 1200;
/// What may wait for a peer.
const MAX_QUEUED: usize = 512 * 1024;
/// By then everything has arrived, if nothing more is lost.
const PATIENCE: u32 = 1200;
/// How many messages of each direction can be repeated.
const MEMORY: usize = 64;

const SPLASH: KindId = KindId::of("splash");
const POSES: [KindId; 2] = [KindId::of("pose"), KindId::of("tail")];

/// As many as the input has bytes for.
pub(crate) fn rest<'a, T: Arbitrary<'a>>(u: &mut Unstructured<'a>) -> arbitrary::Result<Vec<T>> {
    let mut all = Vec::new();
    while !u.is_empty() {
        all.push(u.arbitrary()?);
    }
    Ok(all)
}

fn player_of(peer: PeerId) -> usize {
    peer.as_u128() as usize - 1
}

/// A room's life.
#[derive(Debug, Arbitrary)]
pub struct Play {
    seed: u8,
    /// So many ticks pass before anything else.
    begun: u8,
    #[arbitrary(with = rest)]
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    /// Everybody plays on, for up to 32 ticks.
    Ticks(u8),
    /// What is said to an honest player.
    Said(bool, Said),
    /// A message of the hostile player's honest machine again, with bytes changed.
    Changed {
        to: bool,
        which: u8,
        changes: Vec<(u8, u8)>,
        len: u8,
    },
    Event(Pair, u16),
    Pose(u8, u16),
    Offer(Pair, u16),
    Cancel(Pair, bool, u8),
    /// The link between the honest players is a new one.
    Replaced {
        noticed: [bool; 2],
    },
    /// What the network between them does with packets, of 16.
    Weather {
        loss: u8,
        doubled: u8,
        credit: u16,
    },
    /// An honest player's message again, to an honest player, where it does no harm.
    Straggler {
        from: bool,
        which: u8,
        how: Straggler,
    },
    /// The hostile player comes anew, and claims to be at some tick.
    Rejoin {
        at: bool,
        claim: Option<Number>,
        admitted: u8,
    },
}

/// Who sends something to whom.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Pair {
    Honest(bool),
    WithMallory(bool),
}

impl Pair {
    fn players(self) -> (usize, usize) {
        match self {
            Self::Honest(from) => (from.into(), (!from).into()),
            Self::WithMallory(from) => (from.into(), MALLORY),
        }
    }
}

#[derive(Debug, Arbitrary)]
enum Straggler {
    Again,
    /// As one of another session.
    OtherTag(u8),
    OtherLane,
    /// Nothing but the type.
    Cut,
}

#[derive(Default)]
struct Pipe {
    flying: Vec<(u64, Lane, Bytes)>,
    /// What was sent last.
    memory: VecDeque<(Lane, Bytes)>,
}

/// What one player knows of another.
#[derive(Default)]
struct Exchange {
    joined: u32,
    sent: u32,
    heard: u32,
    poses: [Option<Bytes>; 2],
    /// Whether each transfer to the other is unfinished.
    offered: BTreeMap<u64, bool>,
    /// The same of those that came.
    started: BTreeMap<u64, bool>,
}

struct World {
    tick: u64,
    rng: Rng,
    rooms: [RoomSession; 3],
    states: [OwnStates; 3],
    set: [[Option<Bytes>; 2]; 3],
    pipes: BTreeMap<(usize, usize), Pipe>,
    with: BTreeMap<(usize, usize), Exchange>,
    contexts: [Context; 2],
    loss: u8,
    doubled: u8,
    credit: usize,
    claims: [Option<u32>; 2],
    admitted: u8,
}

impl Play {
    /// Lets it happen; panics if the honest players do what they should not.
    pub fn run(self) {
        let mut world = World::new(self.seed.into());
        world.play(self.begun % 64);
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
            states: Default::default(),
            set: Default::default(),
            pipes: BTreeMap::new(),
            with: BTreeMap::new(),
            contexts: [Context::default(); 2],
            loss: 0,
            doubled: 0,
            credit: 60_000,
            claims: [None; 2],
            admitted: 0,
        };
        for a in 0..3 {
            for b in (0..3).filter(|b| *b != a) {
                world.pipes.insert((a, b), Pipe::default());
                world.with.insert((a, b), Exchange::default());
                world.rooms[a].link_opened(peer_id(b), Duration::ZERO);
            }
        }
        world
    }

    fn now(&self) -> Duration {
        TICK * self.tick as u32
    }

    fn with(&mut self, me: usize, other: usize) -> &mut Exchange {
        self.with.entry((me, other)).or_default()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Ticks(ticks) => self.play(ticks % 32 + 1),
            Step::Said(to, said) => {
                let (lane, bytes) = said.encode(&self.contexts[usize::from(to)]);
                self.hostile(to.into(), lane, bytes);
            }
            Step::Changed {
                to,
                which,
                changes,
                len,
            } => {
                let pipe = &self.pipes[&(MALLORY, to.into())];
                let Some(at) = usize::from(which).checked_rem(pipe.memory.len()) else {
                    return;
                };
                let (lane, bytes) = &pipe.memory[at];
                let mut bytes = BytesMut::from(bytes.as_ref());
                for (at, value) in changes {
                    if let Some(at) = usize::from(at).checked_rem(bytes.len()) {
                        bytes[at] = value;
                    }
                }
                if len % 4 == 0 {
                    bytes.truncate(usize::from(len) / 4);
                }
                self.hostile(to.into(), *lane, bytes.freeze());
            }
            Step::Event(pair, len) => self.event(pair.players(), len.into()),
            Step::Pose(which, len) => {
                let (me, kind) = (usize::from(which) % 3, usize::from(which) / 3 % 2);
                let payload = Bytes::from(vec![self.tick as u8; usize::from(len) % 17_000]);
                if self.states[me].set(POSES[kind], payload.clone()).is_ok() {
                    self.set[me][kind] = Some(payload);
                }
            }
            Step::Offer(pair, len) => {
                let (from, to) = pair.players();
                let number = self.with(from, to).offered.len() as u64;
                let (label, bytes) = transfer(number, len.into());
                if let Some(Ok(id)) = self.rooms[from].offer(peer_id(to), &label, bytes) {
                    self.with(from, to).offered.insert(id.number, true);
                }
            }
            Step::Cancel(pair, outgoing, number) => {
                let (from, to) = pair.players();
                let direction = if outgoing {
                    Direction::Outgoing
                } else {
                    Direction::Incoming
                };
                let number = number.into();
                self.rooms[from].cancel(peer_id(to), TransferId { direction, number });
                self.listen(from);
            }
            Step::Replaced { noticed } => {
                for (me, noticed) in noticed.into_iter().enumerate() {
                    let pipe = self.pipes.get_mut(&(me, 1 - me)).expect("a link");
                    let left = self.rng.usize(..=pipe.flying.len());
                    pipe.flying.truncate(left);
                    // Nobody need be told: only the time it takes depends on it.
                    if noticed {
                        self.rooms[me].link_replaced(peer_id(1 - me));
                    }
                }
            }
            Step::Weather {
                loss,
                doubled,
                credit,
            } => {
                (self.loss, self.doubled) = (loss % 16, doubled % 16);
                self.credit = usize::from(credit);
            }
            Step::Straggler { from, which, how } => self.straggle(from.into(), which, &how),
            Step::Rejoin {
                at,
                claim,
                admitted,
            } => {
                let at = usize::from(at);
                self.claims[at] = claim.map(|claim| claim.0 as u32);
                self.admitted = admitted;
                let now = self.now();
                for (me, other) in [(at, MALLORY), (MALLORY, at)] {
                    self.pipes.insert((me, other), Pipe::default());
                    self.with.insert((me, other), Exchange::default());
                    self.rooms[me].link_lost(peer_id(other));
                    self.listen(me);
                    self.with.insert((me, other), Exchange::default());
                    self.rooms[me].link_opened(peer_id(other), now);
                }
            }
        }
    }

    fn event(&mut self, (from, to): (usize, usize), len: usize) {
        // Before that it goes nowhere.
        if self.with(from, to).joined == 0 {
            return;
        }
        let mut payload = self.with(from, to).sent.to_le_bytes().to_vec();
        payload.resize(len.max(4), from as u8);
        let check = self.rooms[from].check_event(peer_id(to), payload.len());
        let queued = self.rooms[from].queue_event(peer_id(to), SPLASH, payload.into());
        assert_eq!(check, queued);
        if queued.is_ok() {
            self.with(from, to).sent += 1;
        }
    }

    /// Anything from the hostile player.
    fn hostile(&mut self, to: usize, lane: Lane, bytes: Bytes) {
        let now = self.now();
        let _ = self.rooms[to].receive(peer_id(MALLORY), lane, bytes, now);
        self.listen(to);
        if let Some(stats) = self.rooms[to].stats(peer_id(MALLORY)) {
            assert!(stats.queued_event_bytes <= MAX_QUEUED);
        }
    }

    /// An honest message that comes again, or is damaged so that it means nothing.
    fn straggle(&mut self, from: usize, which: u8, how: &Straggler) {
        let to = 1 - from;
        let memory = &self.pipes[&(from, to)].memory;
        let Some(at) = usize::from(which).checked_rem(memory.len()) else {
            return;
        };
        let (lane, bytes) = memory[at].clone();
        let mut lane = lane;
        let mut bytes = BytesMut::from(bytes.as_ref());
        let is_greeting = bytes[0] < 0x10;
        match how {
            Straggler::Again => {}
            Straggler::OtherTag(by) if !is_greeting => bytes[1] ^= by | 1,
            Straggler::OtherTag(_) => return,
            // A copy of a message of the handshake, which comes on the lane of events as well.
            Straggler::OtherLane if is_greeting && lane == Lane::State => return,
            Straggler::OtherLane => {
                let next = Lane::ALL.iter().position(|other| *other == lane);
                lane = Lane::ALL[(next.unwrap_or(0) + 1) % Lane::ALL.len()];
            }
            Straggler::Cut => bytes.truncate(1),
        }
        let now = self.now();
        let result = self.rooms[to].receive(peer_id(from), lane, bytes.freeze(), now);
        match how {
            Straggler::Again | Straggler::OtherTag(_) => self.honest(result),
            Straggler::OtherLane => {
                assert!(
                    matches!(result, Err(MessageError::UnknownType(_))),
                    "{result:?}"
                );
            }
            Straggler::Cut => {}
        }
        self.listen(to);
    }

    /// What honest players tell each other is right, whatever a third one tells them.
    #[track_caller]
    fn honest(&self, result: Result<(), MessageError>) {
        assert_eq!(result, Ok(()));
    }

    fn play(&mut self, ticks: u8) {
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
                let here: Vec<_> = pipe.flying.extract_if(.., |(at, ..)| *at <= due).collect();
                for (_, lane, bytes) in here {
                    let result = self.rooms[to].receive(peer_id(from), lane, bytes, now);
                    if from != MALLORY && to != MALLORY {
                        self.honest(result);
                    }
                    self.listen(to);
                }
            }
        }
        for me in 0..3 {
            self.rooms[me].advance(now);
            for other in (0..3).filter(|other| *other != me) {
                for lane in Lane::ALL {
                    self.collect(me, other, lane);
                }
            }
            self.listen(me);
        }
    }

    fn collect(&mut self, me: usize, other: usize, lane: Lane) {
        let now = self.now();
        let mut left = self.credit;
        let mut packets = 0;
        while let Some(bytes) =
            self.rooms[me].collect(peer_id(other), lane, now, &self.states[me], left)
        {
            packets += 1;
            assert!(
                !bytes.is_empty() && bytes.len() <= left,
                "{} of {left}",
                bytes.len()
            );
            assert!(bytes[0] < 0x10 || bytes.len() <= MAX_PACKET_LEN);
            assert!(
                lane != Lane::State || packets <= 2,
                "more than two packets in one tick"
            );
            left -= bytes.len();
            self.send(me, other, lane, bytes);
        }
    }

    fn send(&mut self, me: usize, other: usize, lane: Lane, bytes: Bytes) {
        let bytes = self.overheard(me, other, bytes);
        let pipe = self.pipes.get_mut(&(me, other)).expect("a link");
        if pipe.memory.len() == MEMORY {
            pipe.memory.pop_front();
        }
        pipe.memory.push_back((lane, bytes.clone()));
        if lane != Lane::State {
            return pipe.flying.push((self.tick + 1, lane, bytes));
        }
        for copy in [self.loss, 15 - self.doubled] {
            // The first is sent unless it is lost, the second only if it is doubled.
            if self.rng.u8(..16) >= copy && (copy == self.loss || self.doubled > 0) {
                let at = self.tick + self.rng.u64(1..=3);
                pipe.flying.push((at, lane, bytes.clone()));
            }
        }
    }

    /// What the hostile player learns from messages, and changes in its own.
    fn overheard(&mut self, me: usize, other: usize, bytes: Bytes) -> Bytes {
        let number = |bytes: &[u8]| Some(u16::from_le_bytes([*bytes.get(2)?, *bytes.get(3)?]));
        if me == MALLORY {
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
            let context = &mut self.contexts[me];
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

    /// Takes what a player is told.
    fn listen(&mut self, me: usize) {
        let mut news = 0;
        let now = self.now();
        while let Some(event) = self.rooms[me].poll() {
            news += 1;
            assert!(news <= MAX_NEWS);
            let is_pair = |peer: PeerId| me != MALLORY && peer != peer_id(MALLORY);
            match event {
                SessionEvent::JoinRequested { peer_id: peer, .. } => match self.admitted % 4 {
                    1 if !is_pair(peer) => {
                        self.rooms[me].admit(peer, Err("no".to_owned()), now);
                    }
                    2 if !is_pair(peer) => {}
                    _ => self.rooms[me].admit(peer, Ok(()), now),
                },
                SessionEvent::Joined { peer_id: peer } => {
                    let with = self.with(me, player_of(peer));
                    with.joined += 1;
                    assert!(with.joined == 1 || !is_pair(peer), "joined twice");
                }
                SessionEvent::Event {
                    peer_id: peer,
                    kind,
                    payload,
                } if is_pair(peer) => {
                    assert_eq!(kind, SPLASH);
                    let other = player_of(peer);
                    let with = self.with(me, other);
                    assert_eq!(payload[..4], with.heard.to_le_bytes(), "once and in order");
                    assert!(payload[4..].iter().all(|byte| usize::from(*byte) == other));
                    with.heard += 1;
                }
                SessionEvent::State {
                    peer_id: peer,
                    kind,
                    payload,
                } => {
                    let with = self.with(me, player_of(peer));
                    let at = POSES.iter().position(|pose| *pose == kind);
                    with.poses[at.expect("a kind that was declared")] = Some(payload);
                }
                SessionEvent::Transfer {
                    peer_id: peer,
                    event,
                } if is_pair(peer) => {
                    self.transferred(me, player_of(peer), event);
                }
                SessionEvent::Left { peer_id: peer }
                | SessionEvent::Refused { peer_id: peer, .. }
                | SessionEvent::Over { peer_id: peer }
                | SessionEvent::Undelivered { peer_id: peer, .. } => {
                    assert!(!is_pair(peer), "honest players stay together");
                }
                _ => {}
            }
        }
    }

    fn transferred(&mut self, me: usize, other: usize, event: TransferEvent) {
        let with = self.with(me, other);
        let mut end = |id: TransferId| {
            let open = match id.direction {
                Direction::Outgoing => &mut with.offered,
                Direction::Incoming => &mut with.started,
            };
            assert_eq!(open.insert(id.number, false), Some(true), "{id} ends once");
        };
        match event {
            TransferEvent::Started { id, .. } if id.direction == Direction::Incoming => {
                assert_eq!(with.started.insert(id.number, true), None);
            }
            TransferEvent::Received { id, label, bytes } => {
                assert_eq!((label, bytes.clone()), transfer(id.number, bytes.len()));
                end(id);
            }
            TransferEvent::Delivered { id } | TransferEvent::Failed { id, .. } => end(id),
            TransferEvent::Started { .. } | TransferEvent::Progress { .. } => {}
        }
    }

    /// The hostile player goes and the network is good: everything arrives.
    fn settle(&mut self) {
        (self.loss, self.doubled, self.credit) = (0, 0, 60_000);
        for me in 0..2 {
            self.rooms[me].link_lost(peer_id(MALLORY));
        }
        for _ in 0..PATIENCE {
            if self.has_settled() {
                return;
            }
            self.tick();
        }
        for (me, other) in [(0, 1), (1, 0)] {
            let (sent, heard) = (self.with[&(me, other)].sent, self.with[&(other, me)].heard);
            assert_eq!(sent, heard, "events from {me}");
            assert_eq!(
                self.with[&(me, other)].offered.values().find(|open| **open),
                None
            );
            assert!(
                self.set[me] == self.with[&(other, me)].poses,
                "state of {me}"
            );
        }
        panic!("the honest players have not met, or a transfer that came has not ended");
    }

    fn has_settled(&self) -> bool {
        [(0, 1), (1, 0)].into_iter().all(|(me, other)| {
            let (mine, theirs) = (&self.with[&(me, other)], &self.with[&(other, me)]);
            let ended = |open: &BTreeMap<u64, bool>| open.values().all(|open| !open);
            mine.joined == 1
                && mine.sent == theirs.heard
                && self.set[me] == theirs.poses
                && ended(&mine.offered)
                && ended(&mine.started)
        })
    }
}

/// A transfer's label and bytes.
fn transfer(number: u64, len: usize) -> (String, Bytes) {
    (format!("{number}"), vec![number as u8; len].into())
}
