//! The players of a match, and the links between them.

mod actions;

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

/// A millisecond. All times are in microseconds.
pub(super) const MS: u64 = 1000;
pub(super) const TICK: u64 = 50 * MS;
pub(super) const LIMIT: u64 = 3000 * MS;
/// The maximum time until a lost link or a restart is noticed.
pub(super) const NOTICED: u64 = 2000 * MS;
/// The disconnect timeout.
pub(super) const TIMEOUT: u64 = 12_000 * MS;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Packet {
    Agreement(Bytes),
    Input(u8, u32, Vec<u8>),
    /// The seats that the receiver should relay, each from a tick on.
    Request(Vec<(u8, u32)>),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrival(usize, usize, u32, Packet),
    Notice(usize, usize, u32),
    Timeout(usize, usize),
    Restarted(usize, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Plays,
    /// The player is linked, but does not act.
    Frozen,
    Crashed,
    Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Cut(usize, usize),
    Reconnect(usize, usize),
    /// The first player receives no inputs from the second one, although they are linked.
    BlockInputs(usize, usize),
    /// The first player receives inputs from the second one again.
    UnblockInputs(usize, usize),
    Crash(usize),
    /// The player crashes after it has sent this many messages.
    CrashAfter(usize, u32),
    Freeze(usize),
    /// The player does not act for a while.
    Hang(usize, u64),
    /// The player leaves the match without a message, and opens links to all other players again.
    Restart(usize),
    Leave(usize),
    /// Other players remove the player, at different times.
    Remove(usize),
}

pub(super) struct Player {
    pub(super) agreement: Agreement,
    pub(super) logs: TestLogs,
    pub(super) status: Status,
    pub(super) seats: Vec<Seat>,
    /// The players that continue, as decided.
    pub(super) members: BTreeSet<usize>,
    pub(super) ends: BTreeMap<Seat, (u32, LeaveReason)>,
    /// The decisions, with their times.
    pub(super) decisions: Vec<(u64, Decision)>,
    pub(super) errors: u32,
    crash_after: Option<u32>,
    pub(super) lost: BTreeMap<usize, LeaveReason>,
    /// The players whose own inputs do not arrive, although they are linked.
    blocked: BTreeSet<usize>,
    /// The players that the agreement has given up and that may return.
    pub(super) timed_out: BTreeSet<usize>,
    /// The players that sent a message since they were last lost.
    pub(super) sent_since_loss: BTreeSet<usize>,
    pub(super) hangs_until: u64,
    /// The next tick to send, by receiver and seat.
    pub(super) sent: BTreeMap<(usize, Seat), u32>,
    /// The next tick to relay, by receiver and seat.
    pub(super) relays: BTreeMap<usize, BTreeMap<Seat, u32>>,
    pub(super) relayed_by: BTreeMap<usize, usize>,
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
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    sequence: u64,
    pub(super) actions: Vec<(u64, Action)>,
    pub(super) restarted_at: Vec<u64>,
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
                // Some machines have two players, and some only a spectator.
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
            errors: 0,
            crash_after: None,
            lost: BTreeMap::new(),
            blocked: BTreeSet::new(),
            timed_out: BTreeSet::new(),
            sent_since_loss: BTreeSet::new(),
            hangs_until: 0,
            sent: BTreeMap::new(),
            relays: BTreeMap::new(),
            relayed_by: BTreeMap::new(),
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
            restarted_at: Vec::new(),
            rng,
            trace: false,
        }
    }

    pub(super) fn is_up(&self, a: usize, b: usize) -> bool {
        self.links[a][b].is_up
    }

    /// Returns `true` if two players have a link and receive each other's inputs.
    fn are_linked(&self, a: usize, b: usize) -> bool {
        let trusts = |a: usize, b| !self.players[a].lost.contains_key(&b);
        self.is_up(a, b) && trusts(a, b) && trusts(b, a)
    }

    /// Removes a link before the match.
    pub(super) fn unlink(&mut self, a: usize, b: usize) {
        for (a, b) in [(a, b), (b, a)] {
            self.links[a][b].is_up = false;
            self.lose(a, b, LeaveReason::Lost);
        }
    }

    /// Returns `true` if the oracle judges a player.
    pub(super) fn is_judged(&self, n: usize) -> bool {
        self.hostile
            .as_ref()
            .is_none_or(|(hostile, _)| *hostile != n)
    }

    pub(super) fn plays(&self, n: usize) -> bool {
        self.players[n].status == Status::Plays && self.is_judged(n)
    }

    /// Returns two players that play together over a link, although the first has lost the second.
    pub(super) fn wrongly_lost(&self) -> Option<(usize, usize)> {
        let all = 0..self.players.len();
        let mut pairs = all.clone().flat_map(|n| all.clone().map(move |m| (n, m)));
        pairs.find(|&(n, m)| {
            let plays_with = |n: usize, m: usize| self.players[n].members.contains(&m);
            n != m
                && self.plays(n)
                && self.plays(m)
                && self.are_linked(n, m)
                && plays_with(n, m)
                && plays_with(m, n)
                && self.players[n].agreement.own.loss(m as u8).is_some()
        })
    }

    /// Returns `true` if no message is in flight and no vote is undecided.
    pub(super) fn is_quiet(&self) -> bool {
        let is_irrelevant = |(.., event): &(u64, u64, Event)| match event {
            Event::Arrival(from, to, epoch, Packet::Agreement(_)) => {
                let link = &self.links[*from][*to];
                !link.is_up || link.epoch != *epoch || !self.plays(*to)
            }
            Event::Arrival(..) => true,
            Event::Notice(n, ..) | Event::Timeout(n, _) | Event::Restarted(n, _) => !self.plays(*n),
        };
        let is_decided = |n: usize| {
            let agreement = &self.players[n].agreement;
            !self.plays(n) || agreement.voted() == agreement.decided
        };
        self.queue.iter().all(|Reverse(entry)| is_irrelevant(entry))
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
            } else if let Some(Reverse((.., event))) = self.queue.pop() {
                self.handle(event);
            }
        }
        self.now = until;
        for n in 0..self.players.len() {
            self.tick(n);
        }
    }

    fn push(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((at, self.sequence, event)));
    }

    /// Makes a player send its inputs to another one, starting after those that the receiver has.
    fn resume(&mut self, from: usize, to: usize) {
        for seat in self.players[from].seats.clone() {
            let has = self.players[to].logs.len(seat);
            self.players[from].sent.insert((to, seat), has);
        }
    }

    fn unblock(&mut self, a: usize, b: usize) {
        let player = &mut self.players[a];
        player.lost.remove(&b);
        player.timed_out.remove(&b);
        player.agreement.linked(id(b));
        player.agreement.returned(id(b));
        self.request_relays(a, b);
    }

    pub(super) fn lose(&mut self, a: usize, b: usize, reason: LeaveReason) {
        if a == b || self.players[a].status != Status::Plays {
            return;
        }
        let player = &mut self.players[a];
        let lost = player.lost.entry(b).or_insert(reason);
        *lost = reason.max(*lost);
        if reason != LeaveReason::TimedOut {
            player.relays.remove(&b);
        }
        player.sent_since_loss.remove(&b);
        player.agreement.lost(id(b), reason);
        self.log(|| format!("{a} lost {b} {reason:?}"));
    }

    fn handle(&mut self, event: Event) {
        let (Event::Arrival(_, n, ..)
        | Event::Notice(n, ..)
        | Event::Timeout(n, _)
        | Event::Restarted(n, _)) = event;
        let hangs_until = self.players[n].hangs_until;
        if self.now <= hangs_until {
            return self.push(hangs_until + 1, event);
        }
        match event {
            Event::Timeout(a, b) => self.lose(a, b, LeaveReason::TimedOut),
            Event::Restarted(a, b) => {
                self.lose(a, b, LeaveReason::Restarted);
                // The new program is linked, and cannot return to the match.
                let agreement = &mut self.players[a].agreement;
                agreement.linked(id(b));
                agreement.returned(id(b));
            }
            Event::Notice(a, b, epoch) => {
                if self.links[a][b].epoch == epoch {
                    self.lose(a, b, LeaveReason::Lost);
                }
            }
            Event::Arrival(from, to, epoch, packet) => {
                let link = &self.links[from][to];
                let is_lost = link.epoch != epoch || !link.is_up;
                if is_lost || self.players[to].status != Status::Plays {
                    return;
                }
                match packet {
                    Packet::Agreement(bytes) => {
                        let now = Duration::from_micros(self.now);
                        let player = &mut self.players[to];
                        player.sent_since_loss.insert(from);
                        let received =
                            player
                                .agreement
                                .receive(id(from), &bytes, now, &mut player.logs);
                        if let Err(error) = received {
                            player.errors += 1;
                            assert!(
                                self.hostile.is_some(),
                                "honest {from} sent {to} an invalid message: {error}"
                            );
                        }
                        self.drain(to);
                    }
                    Packet::Input(seat, tick, input) => {
                        let is_own = self.players[from].seats.contains(&Seat(seat));
                        let player = &mut self.players[to];
                        if is_own && player.blocked.contains(&from) {
                            return;
                        }
                        player.logs.receive(Seat(seat), tick, &input);
                        if is_own && player.lost.get(&from) == Some(&LeaveReason::TimedOut) {
                            self.unblock(to, from);
                        } else if is_own && player.timed_out.remove(&from) {
                            player.agreement.returned(id(from));
                        }
                    }
                    Packet::Request(seats) => {
                        let seats = seats.into_iter().map(|(seat, tick)| (Seat(seat), tick));
                        self.players[to].relays.insert(from, seats.collect());
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
        self.push(at, Event::Arrival(from, to, epoch, packet));
    }

    /// Handles the agreement's events.
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
                AgreementEvent::RelayFrom { via, peer } => {
                    let (via, peer) = (via.map(player), player(peer));
                    let before = match via {
                        Some(via) => self.players[n].relayed_by.insert(peer, via),
                        None => self.players[n].relayed_by.remove(&peer),
                    };
                    self.players[n].waits_since.remove(&peer);
                    for via in before.into_iter().chain(via) {
                        self.request_relays(n, via);
                    }
                }
                AgreementEvent::Decided(decision) => {
                    let local = &mut self.players[n];
                    local.members = decision.members.iter().map(|&peer| player(peer)).collect();
                    for end in &decision.seats {
                        let old = local.ends.insert(end.seat, (end.at.0, end.reason));
                        assert_eq!(old, None, "a seat ended twice");
                    }
                    local.decisions.push((self.now, decision));
                }
                AgreementEvent::Dropped { .. } => {}
            }
        }
    }

    pub(super) fn log(&self, text: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{:8.3} {}", self.now as f64 / 1e6, text());
        }
    }
}
