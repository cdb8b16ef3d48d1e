//! Players, links that die and return, and the glue between them and their agreements.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    time::Duration,
};

use bytes::Bytes;
use fastrand::Rng;
use huddle_session::PeerId;

use super::{
    super::{Agreement, AgreementEvent, Decision, LeaveReason, Member},
    hostile::Hostile,
    logs::TestLogs,
};
use crate::seat::Seat;

pub(super) const MS: u64 = 1000;
/// All times are in microseconds.
pub(super) const TICK: u64 = 50 * MS;
pub(super) const LIMIT: u64 = 3000 * MS;
/// How long a dead link goes unnoticed at most.
pub(super) const NOTICED: u64 = 2000 * MS;
/// After how long a player that holds others up is silent.
pub(super) const SILENT: u64 = 12_000 * MS;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Packet {
    Agreement(Bytes),
    Input(u8, u32, Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Arrival(usize, usize, u32, Packet),
    Notice(usize, usize, u32),
    Silence(usize, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Plays,
    /// It is there and does nothing.
    Frozen,
    Crashed,
    Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Cut(usize, usize),
    Mend(usize, usize),
    /// The first takes the second for silent, although they are linked.
    Doubt(usize, usize),
    /// And finds out that it is not.
    Trust(usize, usize),
    Crash(usize),
    /// After so many messages more.
    CrashAfter(usize, u32),
    Freeze(usize),
    Leave(usize),
    /// Everybody removes it, not all at once.
    Remove(usize),
}

pub(super) struct Player {
    pub(super) agreement: Agreement,
    pub(super) logs: TestLogs,
    pub(super) status: Status,
    pub(super) seats: Vec<Seat>,
    /// Who plays along, as decided.
    pub(super) members: BTreeSet<usize>,
    pub(super) ends: BTreeMap<Seat, (u32, LeaveReason)>,
    pub(super) decisions: Vec<Decision>,
    pub(super) voted_out_by: Vec<usize>,
    pub(super) relayed: u32,
    pub(super) errors: u32,
    crash_after: Option<u32>,
    pub(super) lost: BTreeMap<usize, LeaveReason>,
    /// Whose inputs do not arrive, although they are linked.
    doubts: BTreeSet<usize>,
    /// To whom, which seat: the next tick to send.
    pub(super) sent: BTreeMap<(usize, Seat), u32>,
    pub(super) relays: BTreeMap<(usize, usize), BTreeMap<Seat, u32>>,
    pub(super) vias: BTreeMap<usize, usize>,
    pub(super) waits_since: BTreeMap<usize, u64>,
}

#[derive(Debug, Clone, Default)]
struct Link {
    is_up: bool,
    epoch: u32,
    delay: u64,
    jitter: u64,
    last_arrival: u64,
}

pub(super) struct World {
    pub(super) now: u64,
    pub(super) players: Vec<Player>,
    pub(super) hostile: Option<(usize, Hostile)>,
    links: Vec<Vec<Link>>,
    queue: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    sequence: u64,
    pub(super) actions: Vec<(u64, Action)>,
    pub(super) rng: Rng,
    pub(super) trace: bool,
}

pub(super) fn id(player: usize) -> PeerId {
    PeerId::from_bytes([player as u8; 16])
}

pub(super) fn player(peer: PeerId) -> usize {
    (0..16).find(|&n| id(n) == peer).unwrap()
}

impl World {
    pub(super) fn new(count: usize, mut rng: Rng) -> Self {
        let mut next_seat = 0;
        let members: Vec<_> = (0..count)
            .map(|n| {
                // At times two play at one machine, or somebody only looks on.
                let seats = [1, 1, 1, 2, 0][rng.usize(..5)];
                let seats = (next_seat..next_seat + seats).map(Seat).collect::<Vec<_>>();
                next_seat += seats.len() as u8;
                Member { peer: id(n), seats }
            })
            .collect();
        let players = (0..count).map(|n| Player {
            agreement: Agreement::new(id(n), members.clone(), Duration::from_micros(LIMIT))
                .unwrap(),
            logs: TestLogs::default(),
            status: Status::Plays,
            seats: members[n].seats.clone(),
            members: (0..count).collect(),
            ends: BTreeMap::new(),
            decisions: Vec::new(),
            voted_out_by: Vec::new(),
            relayed: 0,
            errors: 0,
            crash_after: None,
            lost: BTreeMap::new(),
            doubts: BTreeSet::new(),
            sent: BTreeMap::new(),
            relays: BTreeMap::new(),
            vias: BTreeMap::new(),
            waits_since: BTreeMap::new(),
        });
        let slowest = [20, 60, 150][rng.usize(..3)] * MS;
        let mut link = || Link {
            is_up: true,
            delay: rng.u64(MS..slowest),
            jitter: rng.u64(1..slowest / 2),
            ..Link::default()
        };
        let players = players.collect();
        let links = (0..count).map(|_| (0..count).map(|_| link()).collect());
        Self {
            now: 0,
            players,
            hostile: None,
            links: links.collect(),
            queue: BinaryHeap::new(),
            sequence: 0,
            actions: Vec::new(),
            rng,
            trace: false,
        }
    }

    pub(super) fn is_up(&self, a: usize, b: usize) -> bool {
        self.links[a][b].is_up
    }

    /// Whether two have a link and take each other to play along.
    pub(super) fn are_linked(&self, a: usize, b: usize) -> bool {
        let trusts = |a: usize, b| !self.players[a].lost.contains_key(&b);
        self.is_up(a, b) && trusts(a, b) && trusts(b, a)
    }

    /// There never was a link.
    pub(super) fn unlink(&mut self, a: usize, b: usize) {
        for (a, b) in [(a, b), (b, a)] {
            self.links[a][b].is_up = false;
            self.lose(a, b, LeaveReason::Link);
        }
    }

    /// Whether a player is one whose doings the oracle judges.
    pub(super) fn is_judged(&self, n: usize) -> bool {
        self.hostile
            .as_ref()
            .is_none_or(|(hostile, _)| *hostile != n)
    }

    pub(super) fn plays(&self, n: usize) -> bool {
        self.players[n].status == Status::Plays && self.is_judged(n)
    }

    /// Whether nothing is left to be heard, and nobody waits for votes.
    pub(super) fn is_quiet(&self) -> bool {
        let is_heard = |(.., happening): &(u64, u64, Happening)| match happening {
            Happening::Arrival(from, to, epoch, Packet::Agreement(_)) => {
                let link = &self.links[*from][*to];
                !link.is_up || link.epoch != *epoch || !self.plays(*to)
            }
            Happening::Arrival(..) => true,
            Happening::Notice(n, ..) | Happening::Silence(n, _) => !self.plays(*n),
        };
        let is_decided = |n: usize| {
            let agreement = &self.players[n].agreement;
            !self.plays(n) || agreement.voted() == agreement.decided
        };
        self.queue.iter().all(|Reverse(entry)| is_heard(entry))
            && (0..self.players.len()).all(is_decided)
    }

    pub(super) fn step(&mut self) {
        let until = self.now + TICK;
        self.actions.sort_by_key(|(at, _)| *at);
        loop {
            let arrival = self.queue.peek().map(|Reverse((at, ..))| *at);
            let action = self.actions.first().map(|(at, _)| *at);
            let Some(at) = arrival
                .into_iter()
                .chain(action)
                .min()
                .filter(|&at| at < until)
            else {
                break;
            };
            self.now = self.now.max(at);
            if action == Some(at) {
                let (_, action) = self.actions.remove(0);
                self.act(action);
            } else if let Some(Reverse((.., happening))) = self.queue.pop() {
                self.happen(happening);
            }
        }
        self.now = until;
        for n in 0..self.players.len() {
            self.tick(n);
        }
    }

    fn push(&mut self, at: u64, happening: Happening) {
        self.sequence += 1;
        self.queue.push(Reverse((at, self.sequence, happening)));
    }

    fn act(&mut self, action: Action) {
        self.log(|| format!("{action:?}"));
        match action {
            Action::Cut(a, b) => self.cut(a, b),
            Action::Mend(a, b) => self.mend(a, b),
            Action::Doubt(a, b) => {
                self.players[a].doubts.insert(b);
                self.lose(a, b, LeaveReason::Silent);
            }
            Action::Trust(a, b) => {
                self.players[a].doubts.remove(&b);
                self.resume(b, a);
                self.trust(a, b);
            }
            Action::Crash(n) => self.crash(n),
            Action::CrashAfter(n, messages) => self.players[n].crash_after = Some(messages),
            Action::Freeze(n) => {
                self.stop(n, Status::Frozen);
                // No packets of it arrive any more.
                for other in 0..self.players.len() {
                    let at = self.now + SILENT + self.rng.u64(..NOTICED);
                    self.push(at, Happening::Silence(other, n));
                }
            }
            Action::Leave(n) => {
                if self.players[n].status != Status::Plays {
                    return;
                }
                let now = Duration::from_micros(self.now);
                let player = &mut self.players[n];
                player.agreement.leave(now, &mut player.logs);
                self.drain(n);
                self.stop(n, Status::Left);
                for other in 0..self.players.len() {
                    // What has been sent before still arrives.
                    let at = self.links[n][other].last_arrival.max(self.now) + 100 * MS;
                    let epoch = self.links[n][other].epoch;
                    self.push(at, Happening::Notice(other, n, epoch));
                }
            }
            Action::Remove(n) => {
                for other in 0..self.players.len() {
                    if other != n && self.plays(other) && self.rng.u8(..4) > 0 {
                        self.lose(other, n, LeaveReason::Removed);
                    }
                }
                for other in 0..self.players.len() {
                    self.cut(n, other);
                }
            }
        }
    }

    fn stop(&mut self, n: usize, status: Status) {
        if self.players[n].status == Status::Plays {
            self.players[n].status = status;
        }
    }

    fn crash(&mut self, n: usize) {
        self.stop(n, Status::Crashed);
        for other in 0..self.players.len() {
            self.cut(n, other);
        }
    }

    fn cut(&mut self, a: usize, b: usize) {
        if a == b || !self.links[a][b].is_up {
            return;
        }
        for (a, b) in [(a, b), (b, a)] {
            self.links[a][b].is_up = false;
            let at = self.now + self.rng.u64(..NOTICED);
            let epoch = self.links[a][b].epoch;
            self.push(at, Happening::Notice(a, b, epoch));
        }
    }

    fn mend(&mut self, a: usize, b: usize) {
        let is_possible = |n: usize| matches!(self.players[n].status, Status::Plays);
        if a == b || self.links[a][b].is_up || !is_possible(a) || !is_possible(b) {
            return;
        }
        for (a, b) in [(a, b), (b, a)] {
            // Who replaces a link has given up the old one.
            self.lose(a, b, LeaveReason::Link);
            let link = &mut self.links[a][b];
            (link.is_up, link.epoch, link.last_arrival) = (true, link.epoch + 1, self.now);
        }
        for (a, b) in [(a, b), (b, a)] {
            self.resume(a, b);
            self.trust(a, b);
        }
    }

    /// A player sends another its inputs from what that one has on.
    fn resume(&mut self, from: usize, to: usize) {
        for seat in self.players[from].seats.clone() {
            let has = self.players[to].logs.len(seat);
            self.players[from].sent.insert((to, seat), has);
        }
    }

    fn trust(&mut self, a: usize, b: usize) {
        let now = Duration::from_micros(self.now);
        let player = &mut self.players[a];
        player.lost.remove(&b);
        player.agreement.linked(id(b), now, &mut player.logs);
        player.agreement.returned(id(b), now, &mut player.logs);
        self.drain(a);
    }

    pub(super) fn lose(&mut self, a: usize, b: usize, reason: LeaveReason) {
        if a == b || self.players[a].status != Status::Plays {
            return;
        }
        let now = Duration::from_micros(self.now);
        let player = &mut self.players[a];
        let lost = player.lost.entry(b).or_insert(reason);
        *lost = reason.max(*lost);
        player.agreement.lost(id(b), reason, now, &mut player.logs);
        self.log(|| format!("{a} lost {b} {reason:?}"));
        self.drain(a);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Silence(a, b) => self.lose(a, b, LeaveReason::Silent),
            Happening::Notice(a, b, epoch) => {
                if self.links[a][b].epoch == epoch {
                    self.lose(a, b, LeaveReason::Link);
                }
            }
            Happening::Arrival(from, to, epoch, packet) => {
                let link = &self.links[from][to];
                let is_lost = link.epoch != epoch || !link.is_up;
                if is_lost || self.players[to].status != Status::Plays {
                    return;
                }
                match packet {
                    Packet::Agreement(bytes) => {
                        let now = Duration::from_micros(self.now);
                        let player = &mut self.players[to];
                        let taken =
                            player
                                .agreement
                                .receive(id(from), &bytes, now, &mut player.logs);
                        if let Err(error) = taken {
                            player.errors += 1;
                            assert!(
                                self.hostile.is_some(),
                                "honest {from} sent {to} what is wrong: {error}"
                            );
                        }
                        self.drain(to);
                    }
                    Packet::Input(seat, tick, input) => {
                        let is_own = self.players[from].seats.contains(&Seat(seat));
                        let player = &mut self.players[to];
                        if is_own && player.doubts.contains(&from) {
                            return;
                        }
                        player.logs.receive(Seat(seat), tick, &input);
                        if is_own && player.lost.get(&from) == Some(&LeaveReason::Silent) {
                            self.trust(to, from);
                        }
                    }
                }
            }
        }
    }

    pub(super) fn send(&mut self, from: usize, to: usize, packet: Packet) {
        let spread = self.rng.u64(..self.links[from][to].jitter);
        let link = &mut self.links[from][to];
        if !link.is_up {
            return;
        }
        let at = (self.now + link.delay + spread).max(link.last_arrival);
        link.last_arrival = at;
        let epoch = link.epoch;
        self.push(at, Happening::Arrival(from, to, epoch, packet));
    }

    /// Does what the agreement wants.
    pub(super) fn drain(&mut self, n: usize) {
        while let Some(event) = self.players[n].agreement.poll() {
            if self.trace && !matches!(event, AgreementEvent::Send { .. }) {
                self.log(|| format!("{n}: {event:?}"));
            }
            match event {
                AgreementEvent::Send { to, bytes } => {
                    let to = player(to);
                    let bytes = match &mut self.hostile {
                        Some((hostile, how)) if *hostile == n => how.twist(to, bytes),
                        _ => vec![bytes],
                    };
                    for bytes in bytes {
                        self.send(n, to, Packet::Agreement(bytes));
                    }
                    if let Some(left) = &mut self.players[n].crash_after {
                        match left.checked_sub(1) {
                            Some(rest) => *left = rest,
                            None => return self.crash_silently(n),
                        }
                    }
                }
                AgreementEvent::RelayTo { to, peer, from } => {
                    let key = (player(to), player(peer));
                    self.players[n].relays.remove(&key);
                    if !from.is_empty() {
                        let from = from.into_iter().map(|(seat, tick)| (seat, tick.0));
                        self.players[n].relays.insert(key, from.collect());
                    }
                }
                AgreementEvent::RelayFrom { via, peer, .. } => {
                    let peer = player(peer);
                    match via {
                        Some(via) => self.players[n].vias.insert(peer, player(via)),
                        None => self.players[n].vias.remove(&peer),
                    };
                    self.players[n].waits_since.remove(&peer);
                }
                AgreementEvent::Decided(decision) => {
                    let me = &mut self.players[n];
                    me.members = decision.members.iter().map(|&peer| player(peer)).collect();
                    for end in &decision.seats {
                        let old = me.ends.insert(end.seat, (end.at.0, end.reason));
                        assert_eq!(old, None, "a seat ended twice");
                    }
                    me.decisions.push(decision);
                }
                AgreementEvent::VotedOut { by, .. } => {
                    self.players[n].voted_out_by.push(player(by));
                }
            }
        }
    }

    /// What is sent already arrives; nothing more is sent.
    fn crash_silently(&mut self, n: usize) {
        self.stop(n, Status::Crashed);
        while self.players[n].agreement.poll().is_some() {}
        for other in 0..self.players.len() {
            let arrival = self.links[n][other].last_arrival.max(self.now);
            let at = arrival + 1 + self.rng.u64(..NOTICED);
            let epoch = self.links[n][other].epoch;
            self.push(at, Happening::Notice(other, n, epoch));
        }
    }

    pub(super) fn log(&self, text: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{:8.3} {}", self.now as f64 / 1e6, text());
        }
    }
}
