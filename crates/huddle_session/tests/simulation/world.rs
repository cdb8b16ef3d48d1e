//! Players in one room, with a virtual clock and a bad network, and a record of the messages that
//! each of them sent and received.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use fastrand::Rng;
use huddle_session::{
    Delivery, KindId, Kinds, Lane, MAX_PACKET_LEN, PeerId, RoomSession, RoomSetup, Schema,
    SessionEvent,
};

use crate::network::{Conditions, Pipe};

pub(crate) const TICK: Duration = Duration::from_micros(16_667);

/// A room of players.
pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) rng: Rng,
    pub(crate) conditions: Conditions,
    pub(crate) players: Vec<Player>,
    pipes: BTreeMap<(usize, usize), Pipe>,
    /// The pairs whose link is open.
    links: BTreeSet<(usize, usize)>,
    splash: KindId,
}

/// A player, with a record of its messages.
pub(crate) struct Player {
    pub(crate) session: RoomSession,
    /// Whether the player's machine is running.
    pub(crate) alive: bool,
    /// The messages exchanged with each other player.
    pub(crate) with: BTreeMap<usize, PeerRecord>,
    numbered: u32,
}

/// The messages that one player exchanged with another.
#[derive(Debug, Default)]
pub(crate) struct PeerRecord {
    /// Whether the session with the other player has begun.
    pub(crate) connected: bool,
    /// The numbers of all events sent to the other player.
    pub(crate) sent: Vec<u32>,
    /// The numbers of the other player's events that arrived, in order of arrival.
    pub(crate) received: Vec<u32>,
    /// The numbers of the events reported as undelivered.
    pub(crate) undelivered: Vec<u32>,
    /// The number of sessions with the other player.
    pub(crate) joined: u32,
}

pub(crate) fn kinds() -> (Kinds, KindId) {
    let mut kinds = Kinds::default();
    let splash = kinds
        .declare("splash", Delivery::Event, Schema::of::<Vec<u8>>())
        .unwrap();
    (kinds, splash)
}

pub(crate) fn peer_id(player: usize) -> PeerId {
    PeerId::from_u128(player as u128 + 1)
}

fn player_of(peer: PeerId) -> usize {
    peer.as_u128() as usize - 1
}

impl World {
    pub(crate) fn new(players: usize, conditions: Conditions, seed: u64) -> Self {
        let (_, splash) = kinds();
        let mut world = Self {
            now: Duration::ZERO,
            rng: Rng::with_seed(seed),
            conditions,
            players: Vec::new(),
            pipes: BTreeMap::new(),
            links: BTreeSet::new(),
            splash,
        };
        for player in 0..players {
            world.players.push(Player {
                session: RoomSession::new(RoomSetup {
                    seed: seed.wrapping_mul(31) + player as u64,
                    ..RoomSetup::new(peer_id(player), "simulation", kinds().0)
                })
                .unwrap(),
                alive: true,
                with: BTreeMap::new(),
                numbered: 0,
            });
        }
        for a in 0..players {
            for b in a + 1..players {
                world.open(a, b);
            }
        }
        world
    }

    /// Opens a link between two players, which both notice immediately.
    pub(crate) fn open(&mut self, a: usize, b: usize) {
        self.links.insert((a.min(b), a.max(b)));
        for (me, other) in [(a, b), (b, a)] {
            self.pipes.entry((me, other)).or_default().clear();
            self.players[me]
                .session
                .link_opened(peer_id(other), self.now);
        }
    }

    /// Replaces a link with a new one. Some messages in flight are lost.
    pub(crate) fn replace(&mut self, a: usize, b: usize) {
        for (me, other) in [(a, b), (b, a)] {
            self.pipes
                .entry((me, other))
                .or_default()
                .replace(&mut self.rng);
            // Notification is optional: it only affects the time until delivery.
            if self.rng.bool() {
                self.players[me].session.link_replaced(peer_id(other));
            }
        }
    }

    /// Closes a link for `a`, and for `b` too if `both`.
    pub(crate) fn lose(&mut self, a: usize, b: usize, both: bool) {
        self.links.remove(&(a.min(b), a.max(b)));
        self.give_up(a, b);
        if both {
            self.give_up(b, a);
        }
    }

    /// Opens a lost link again. It is a new link for `a`, and for `b` if `b` noticed the loss;
    /// otherwise it is a replacement for `b`.
    pub(crate) fn reopen(&mut self, a: usize, b: usize, b_noticed: bool) {
        self.links.insert((a.min(b), a.max(b)));
        self.players[a].session.link_opened(peer_id(b), self.now);
        match b_noticed {
            true => self.players[b].session.link_opened(peer_id(a), self.now),
            false => self.players[b].session.link_replaced(peer_id(a)),
        }
    }

    fn give_up(&mut self, me: usize, other: usize) {
        self.players[me].session.link_lost(peer_id(other));
        self.record_events(me);
        self.players[me].with.entry(other).or_default().connected = false;
    }

    /// Sends an event of about `len` bytes to every connected player.
    pub(crate) fn splash(&mut self, me: usize, len: usize) {
        for other in 0..self.players.len() {
            let player = &mut self.players[me];
            if !player.with.get(&other).is_some_and(|with| with.connected) {
                continue;
            }
            player.numbered += 1;
            let mut payload = player.numbered.to_le_bytes().to_vec();
            payload.resize(len.max(4), me as u8);
            let queued = player
                .session
                .queue_event(peer_id(other), self.splash, payload.into());
            if queued.is_ok() {
                player
                    .with
                    .entry(other)
                    .or_default()
                    .sent
                    .push(player.numbered);
            }
        }
    }

    /// Advances every player by one tick.
    pub(crate) fn step(&mut self) {
        self.now += TICK;
        for me in 0..self.players.len() {
            for other in 0..self.players.len() {
                let Some(pipe) = self.pipes.get_mut(&(other, me)) else {
                    continue;
                };
                for (at, lane, bytes) in pipe.arrived(self.now) {
                    let player = &mut self.players[me];
                    if !player.alive || !self.links.contains(&(me.min(other), me.max(other))) {
                        continue;
                    }
                    player
                        .session
                        .receive(peer_id(other), lane, bytes, at.max(self.now - TICK))
                        .unwrap_or_else(|error| panic!("{me} from {other} on {lane:?}: {error}"));
                }
            }
            self.record_events(me);
            if self.players[me].alive {
                self.send(me);
            }
        }
    }

    /// Returns the total number of sent packets.
    pub(crate) fn packets(&self) -> u64 {
        self.pipes.values().map(Pipe::packets).sum()
    }

    pub(crate) fn run(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.step();
        }
    }

    /// Runs until all players are connected.
    pub(crate) fn run_until_connected(&mut self) {
        let others = self.players.len() - 1;
        let all_connected =
            |player: &Player| player.with.values().filter(|with| with.connected).count() == others;
        for _ in 0..1200 {
            if self.players.iter().all(all_connected) {
                return;
            }
            self.step();
        }
        panic!("the players did not connect within twenty seconds");
    }

    fn send(&mut self, me: usize) {
        let player = &mut self.players[me];
        player.session.advance(self.now);
        for other in 0..10 {
            if !self.links.contains(&(me.min(other), me.max(other))) {
                continue;
            }
            let pipe = self.pipes.entry((me, other)).or_default();
            for lane in Lane::ALL {
                let mut packets = 0;
                let credit = self.rng.usize(1200..60_000);
                let mut left = credit;
                while let Some(bytes) = player.session.collect(peer_id(other), lane, self.now, left)
                {
                    packets += 1;
                    assert!(
                        bytes.len() <= left,
                        "{} bytes with a credit of {left}",
                        bytes.len()
                    );
                    if lane == Lane::State || bytes[0] >= 0x10 {
                        assert!(
                            bytes.len() <= MAX_PACKET_LEN,
                            "{} bytes on {lane:?}",
                            bytes.len()
                        );
                    }
                    assert!(
                        lane != Lane::State || packets <= 1,
                        "more than one packet in one tick"
                    );
                    left -= bytes.len();
                    pipe.send(self.now, lane, &bytes, self.conditions, &mut self.rng);
                }
            }
        }
    }

    /// Records the events of a player's session.
    fn record_events(&mut self, me: usize) {
        let player = &mut self.players[me];
        while let Some(event) = player.session.poll() {
            match event {
                SessionEvent::Joined { peer_id: peer } => {
                    let with = player.with.entry(player_of(peer)).or_default();
                    assert!(!with.connected, "{me} received `Joined` twice for {peer}");
                    with.connected = true;
                    with.joined += 1;
                }
                SessionEvent::Left { peer_id: peer } => {
                    player.with.entry(player_of(peer)).or_default().connected = false;
                }
                SessionEvent::JoinRequested { peer_id: peer, .. } => {
                    player.session.admit(peer, Ok(()), self.now)
                }
                SessionEvent::Event {
                    peer_id: peer,
                    kind,
                    payload,
                } => {
                    assert_eq!(kind, self.splash);
                    let with = player.with.entry(player_of(peer)).or_default();
                    assert!(
                        with.connected,
                        "an event arrived before the handshake was done"
                    );
                    with.received.push(number(&payload));
                }
                SessionEvent::Undelivered {
                    peer_id: peer,
                    events,
                } => {
                    let with = player.with.entry(player_of(peer)).or_default();
                    with.undelivered
                        .extend(events.iter().map(|event| number(&event.payload)));
                }
                SessionEvent::Refused {
                    peer_id: peer,
                    refusal,
                } => panic!("{me} refused {peer}: {refusal}"),
                _ => {}
            }
        }
    }

    /// Asserts that every event arrived exactly once and in order, or was reported as undelivered.
    pub(crate) fn check_events(&self) {
        let alive = self
            .players
            .iter()
            .enumerate()
            .filter(|(_, player)| player.alive);
        for (me, player) in alive {
            for (&other, with) in &player.with {
                let received = self.players[other]
                    .with
                    .get(&me)
                    .map_or(&[][..], |with| &with.received);
                assert!(
                    received.is_sorted_by(|a, b| a < b),
                    "{other} received events of {me} out of order or twice: {received:?}"
                );
                let received: BTreeSet<_> = received.iter().collect();
                let sent: BTreeSet<_> = with.sent.iter().collect();
                assert!(
                    received.is_subset(&sent),
                    "{other} received events that {me} never sent"
                );
                let reported: BTreeSet<_> = with.undelivered.iter().collect();
                let missing: Vec<_> = sent
                    .iter()
                    .filter(|n| !received.contains(*n) && !reported.contains(*n))
                    .collect();
                assert!(
                    missing.is_empty(),
                    "{me} to {other}: neither received nor reported: {missing:?}"
                );
            }
        }
    }
}

fn number(payload: &Bytes) -> u32 {
    u32::from_le_bytes(payload[..4].try_into().unwrap())
}
