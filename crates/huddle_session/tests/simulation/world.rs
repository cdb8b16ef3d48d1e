//! Players in one room, on a virtual clock and a bad network, and a record of what each of them
//! sent and got.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use fastrand::Rng;
use huddle_session::{
    Delivery, KindId, Kinds, Lane, MAX_PACKET_LEN, OwnStates, PeerId, RoomSession, RoomSetup,
    Schema, SessionEvent,
};

use crate::network::{Pipe, Weather};

pub(crate) const TICK: Duration = Duration::from_micros(16_667);

/// A room full of players.
pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) rng: Rng,
    pub(crate) weather: Weather,
    pub(crate) players: Vec<Player>,
    pipes: BTreeMap<(usize, usize), Pipe>,
    /// Pairs whose link is open.
    links: BTreeSet<(usize, usize)>,
    splash: KindId,
    pose: KindId,
}

/// One player, and what they have seen.
pub(crate) struct Player {
    pub(crate) session: RoomSession,
    pub(crate) states: OwnStates,
    /// Whether the machine runs at all.
    pub(crate) alive: bool,
    /// What was sent to and heard from each other player.
    pub(crate) with: BTreeMap<usize, Exchange>,
    numbered: u32,
}

/// What one player knows of another.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// Whether the session with them has begun.
    pub(crate) here: bool,
    /// The numbers of the events sent to them, ever.
    pub(crate) sent: Vec<u32>,
    /// The numbers of their events that arrived here, in the order of arrival.
    pub(crate) heard: Vec<u32>,
    /// The numbers reported as not delivered to them.
    pub(crate) undelivered: Vec<u32>,
    /// The newest value of their state.
    pub(crate) pose: Option<u32>,
    /// How often they were met.
    pub(crate) joined: u32,
}

pub(crate) fn kinds() -> (Kinds, KindId, KindId) {
    let mut kinds = Kinds::default();
    let splash = kinds
        .declare("splash", Delivery::Event, Schema::of::<Vec<u8>>())
        .unwrap();
    let pose = kinds
        .declare("pose", Delivery::State, Schema::of::<Vec<u8>>())
        .unwrap();
    (kinds, splash, pose)
}

pub(crate) fn peer_id(player: usize) -> PeerId {
    PeerId::from_u128(player as u128 + 1)
}

fn player_of(peer: PeerId) -> usize {
    peer.as_u128() as usize - 1
}

impl World {
    pub(crate) fn new(players: usize, weather: Weather, seed: u64) -> Self {
        let (_, splash, pose) = kinds();
        let mut world = Self {
            now: Duration::ZERO,
            rng: Rng::with_seed(seed),
            weather,
            players: Vec::new(),
            pipes: BTreeMap::new(),
            links: BTreeSet::new(),
            splash,
            pose,
        };
        for player in 0..players {
            world.players.push(Player {
                session: RoomSession::new(RoomSetup {
                    seed: seed.wrapping_mul(31) + player as u64,
                    ..RoomSetup::new(peer_id(player), "simulation", kinds().0)
                })
                .unwrap(),
                states: OwnStates::default(),
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

    /// A link opens between two players; both notice at once.
    pub(crate) fn open(&mut self, a: usize, b: usize) {
        self.links.insert((a.min(b), a.max(b)));
        for (me, other) in [(a, b), (b, a)] {
            self.pipes.entry((me, other)).or_default().clear();
            self.players[me]
                .session
                .link_opened(peer_id(other), self.now);
        }
    }

    /// A link is replaced by a fresh one; what was under way is lost in part.
    pub(crate) fn replace(&mut self, a: usize, b: usize) {
        for (me, other) in [(a, b), (b, a)] {
            self.pipes
                .entry((me, other))
                .or_default()
                .replace(&mut self.rng);
            // Nobody need be told: only the time it takes depends on it.
            if self.rng.bool() {
                self.players[me].session.link_replaced(peer_id(other));
            }
        }
    }

    /// A link ends for `a`; for `b` too if `both`.
    pub(crate) fn lose(&mut self, a: usize, b: usize, both: bool) {
        self.links.remove(&(a.min(b), a.max(b)));
        self.give_up(a, b);
        if both {
            self.give_up(b, a);
        }
    }

    /// The link is back: who had given the other up opens it anew, to others it is a replacement.
    pub(crate) fn back(&mut self, a: usize, b: usize, b_noticed: bool) {
        self.links.insert((a.min(b), a.max(b)));
        self.players[a].session.link_opened(peer_id(b), self.now);
        match b_noticed {
            true => self.players[b].session.link_opened(peer_id(a), self.now),
            false => self.players[b].session.link_replaced(peer_id(a)),
        }
    }

    fn give_up(&mut self, me: usize, other: usize) {
        self.players[me].session.link_lost(peer_id(other));
        self.listen(me);
        self.players[me].with.entry(other).or_default().here = false;
    }

    /// Sends an event of about `len` bytes to whoever is here.
    pub(crate) fn splash(&mut self, me: usize, len: usize) {
        for other in 0..self.players.len() {
            let player = &mut self.players[me];
            if !player.with.get(&other).is_some_and(|with| with.here) {
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

    /// Moves, as others see it.
    pub(crate) fn pose(&mut self, me: usize, value: u32, len: usize) {
        let mut payload = value.to_le_bytes().to_vec();
        payload.resize(len.max(4), 7);
        self.players[me]
            .states
            .set(self.pose, payload.into())
            .unwrap();
    }

    /// One tick of everybody.
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
            self.listen(me);
            if self.players[me].alive {
                self.send(me);
            }
        }
    }

    /// How many packets have been sent, ever.
    pub(crate) fn packets(&self) -> u64 {
        self.pipes.values().map(Pipe::packets).sum()
    }

    pub(crate) fn run(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.step();
        }
    }

    /// Runs until everybody is here for everybody.
    pub(crate) fn run_until_met(&mut self) {
        let others = self.players.len() - 1;
        let met = |player: &Player| player.with.values().filter(|with| with.here).count() == others;
        for _ in 0..1200 {
            if self.players.iter().all(met) {
                return;
            }
            self.step();
        }
        panic!("they have not met in twenty seconds");
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
                while let Some(bytes) =
                    player
                        .session
                        .collect(peer_id(other), lane, self.now, &player.states, left)
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
                        lane != Lane::State || packets <= 2,
                        "more than two packets in one tick"
                    );
                    left -= bytes.len();
                    pipe.send(self.now, lane, &bytes, self.weather, &mut self.rng);
                }
            }
        }
    }

    /// Writes down what a player's session has to say.
    fn listen(&mut self, me: usize) {
        let player = &mut self.players[me];
        while let Some(event) = player.session.poll() {
            match event {
                SessionEvent::Joined { peer_id: peer } => {
                    let with = player.with.entry(player_of(peer)).or_default();
                    assert!(!with.here, "{me} was told twice that {peer} is here");
                    with.here = true;
                    with.joined += 1;
                    with.pose = None;
                }
                SessionEvent::Left { peer_id: peer } => {
                    player.with.entry(player_of(peer)).or_default().here = false;
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
                    assert!(with.here, "an event before the handshake was done");
                    with.heard.push(number(&payload));
                }
                SessionEvent::State {
                    peer_id: peer,
                    kind,
                    payload,
                } => {
                    assert_eq!(kind, self.pose);
                    let with = player.with.entry(player_of(peer)).or_default();
                    assert!(with.pose < Some(number(&payload)), "state went backwards");
                    with.pose = Some(number(&payload));
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

    /// Everything sent has arrived exactly once and in order, or was reported as not delivered.
    pub(crate) fn check_events(&self) {
        let alive = self
            .players
            .iter()
            .enumerate()
            .filter(|(_, player)| player.alive);
        for (me, player) in alive {
            for (&other, with) in &player.with {
                let heard = self.players[other]
                    .with
                    .get(&me)
                    .map_or(&[][..], |with| &with.heard);
                assert!(
                    heard.is_sorted_by(|a, b| a < b),
                    "{other} heard {me} out of order or twice: {heard:?}"
                );
                let heard: BTreeSet<_> = heard.iter().collect();
                let sent: BTreeSet<_> = with.sent.iter().collect();
                assert!(
                    heard.is_subset(&sent),
                    "{other} heard from {me} what was never sent"
                );
                let reported: BTreeSet<_> = with.undelivered.iter().collect();
                let silent: Vec<_> = sent
                    .iter()
                    .filter(|n| !heard.contains(*n) && !reported.contains(*n))
                    .collect();
                assert!(
                    silent.is_empty(),
                    "{me} to {other}: neither heard nor reported: {silent:?}"
                );
            }
        }
    }
}

fn number(payload: &Bytes) -> u32 {
    u32::from_le_bytes(payload[..4].try_into().unwrap())
}
