//! The players of a match, and the network between them.

mod actions;
mod network;
mod pipe;

use std::{collections::BTreeMap, time::Duration};

use arbitrary::{Result, Unstructured};
use fastrand::Rng;
use huddle_rollback::{DelayPolicy, RollbackSetup, Seat};
use huddle_session::{Tick, TickRate};

use self::pipe::Pipe;
use super::{
    honest::Honest,
    ids::peer_id,
    judge::{Ending, Judge},
    messages::Context,
    opponent::Opponent,
};

/// The duration of a tick.
const PERIOD: Duration = Duration::from_millis(50);

const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum wait of an honest player, in ticks, for each player beyond two. It covers the disconnect
/// timeout and the time to vote several times.
const MAX_WAIT: u32 = 400;

/// The number of ticks without a wait after which the match is stable. It exceeds the disconnect timeout.
const CALM: u32 = 40;

/// The number of ticks that the honest players play after that.
const MORE: u32 = 60;

/// The space for a section in a packet, in bytes.
const SPACE: usize = 1000;

/// The length of a long input, of which a packet holds only one.
const LONG: usize = 500;

struct World {
    /// The players by index. The entry of the hostile player is not used.
    honest: Vec<Honest>,
    opponents: Vec<Opponent>,
    hostile: usize,
    /// The honest player that leaves during the match, if there is one.
    leaver: Option<usize>,
    is_gone: bool,
    pipes: BTreeMap<(usize, usize), Pipe>,
    tick: u32,
    latency: u32,
    loss: u8,
    /// Whether some inputs of the honest players are long.
    has_long_inputs: bool,
    rng: Rng,
    judge: Judge,
}

/// Returns the input of an honest player in a tick.
fn input(player: usize, tick: Tick, has_long_inputs: bool) -> Vec<u8> {
    let mut input = vec![player as u8, (tick.0 / 5) as u8];
    if has_long_inputs && tick.0 % 40 == 39 {
        input.resize(LONG, 0);
        Rng::with_seed(tick.0.into()).fill(&mut input);
    }
    input
}

fn period(ticks: u32) -> Duration {
    PERIOD * ticks
}

pub(super) fn play(u: &mut Unstructured) -> Result<Ending> {
    let mut world = World::new(u)?;
    let first_ticks = u.int_in_range(0..=60)?;
    // The hostile player stops when there are no bytes left.
    let _ = world.run(first_ticks, u);
    Ok(world.settle())
}

impl World {
    fn new(u: &mut Unstructured) -> Result<Self> {
        let has_leaver = u.ratio(1, 4)?;
        let players = if has_leaver { 4 } else { 3 };
        let hostile = u.choose_index(players)?;
        let window = *u.choose(&[8, 3, 0, 20])?;
        let delay = *u.choose(&[1, 0, 4])?;
        // The round-trip time is less than a third of the grace period.
        let latency = u.int_in_range(1..=3)?;
        let seats: Vec<_> = (0..players).map(peer_id).collect();
        let machine = |player| {
            Honest::new(RollbackSetup {
                rate: TickRate::from_hz(1.0 / PERIOD.as_secs_f64()).expect("a rate"),
                delay: DelayPolicy::Fixed(delay),
                window,
                checksum_every: 8,
                disconnect_timeout: DISCONNECT_TIMEOUT,
                nonce: player as u64,
                ..RollbackSetup::new(peer_id(player), seats.clone())
            })
        };
        let opponent = |receiver| {
            let context = Context {
                tick: 0,
                players: players as u8,
                hostile: hostile as u8,
                receiver: receiver as u8,
                version: 100,
                subscription: 0,
                next: 0,
            };
            Opponent::new(machine(hostile), context)
        };
        let all = 0..players;
        let pairs = all.clone().flat_map(|a| (0..players).map(move |b| (a, b)));
        Ok(Self {
            honest: all.clone().map(machine).collect(),
            opponents: all.clone().map(opponent).collect(),
            hostile,
            leaver: has_leaver.then_some((hostile + 1) % players),
            is_gone: false,
            pipes: pairs.map(|pair| (pair, Pipe::default())).collect(),
            tick: 0,
            latency,
            loss: 0,
            has_long_inputs: delay == 1,
            rng: Rng::with_seed(u.arbitrary::<u8>()?.into()),
            judge: Judge::new(players),
        })
    }

    fn now(&self) -> Duration {
        period(self.tick)
    }

    /// Returns the indices of the honest players in the match.
    fn honest(&self) -> impl Iterator<Item = usize> + use<> {
        let (hostile, gone) = (self.hostile, self.leaver.filter(|_| self.is_gone));
        (0..self.honest.len()).filter(move |n| *n != hostile && Some(*n) != gone)
    }

    fn max_wait(&self) -> u32 {
        MAX_WAIT * (self.honest.len() as u32 - 2)
    }

    fn have_started(&self) -> bool {
        self.honest().all(|n| self.honest[n].has_started())
    }

    /// Delivers all packets and messages that are due, and runs a step of each honest player.
    fn honest_tick(&mut self) {
        self.tick += 1;
        self.deliver();
        let now = self.now();
        for player in self.honest() {
            let has_long_inputs = self.has_long_inputs;
            let sample = |tick| input(player, tick, has_long_inputs);
            self.honest[player].step(now, 0, sample);
            self.send_honest(player);
            self.honest[player].check_bounds(now);
            self.judge.compare(player, &self.honest[player]);
            self.check_progress(player);
            let waited = self.honest[player].waited;
            assert!(
                waited < self.max_wait(),
                "player {player} has waited for {waited} ticks"
            );
        }
    }

    /// Checks at regular intervals that a match continues at a minimum rate.
    fn check_progress(&mut self, player: usize) {
        let every = self.max_wait();
        let honest = &mut self.honest[player];
        if !self.tick.is_multiple_of(every) || !honest.has_started() {
            return;
        }
        let ran = honest.ran - honest.ran_before;
        assert!(
            honest.ran_before == 0 || ran >= every / 40,
            "player {player} ran {ran} of {every} ticks"
        );
        honest.ran_before = honest.ran;
    }

    /// Stops the hostile player. The honest players must continue without it.
    fn settle(mut self) -> Ending {
        if !self.have_started() {
            return Ending::NeverStarted;
        }
        self.loss = 0;
        let mut calm = 0;
        // Without a prediction window, the inputs that it sent last for many ticks.
        for _ in 0..3 * self.max_wait() {
            self.honest_tick();
            calm = match self.honest().all(|n| self.has_dropped_hostile(n)) {
                true => calm + 1,
                false => 0,
            };
            if calm > CALM {
                break;
            }
        }
        let before: Vec<_> = self.honest.iter().map(|honest| honest.ran).collect();
        for _ in 0..MORE {
            self.honest_tick();
        }
        for player in self.honest() {
            let ran = self.honest[player].ran - before[player];
            // Without a prediction window, every tick waits for inputs.
            assert!(
                ran >= MORE / 12,
                "player {player} ran {ran} of {MORE} ticks"
            );
            let left = &self.honest[player].left;
            assert!(
                left.contains_key(&Seat(self.hostile as u8)),
                "player {player}"
            );
        }
        let honest: Vec<_> = self.honest().map(|n| (n, &self.honest[n])).collect();
        self.judge.end(&honest)
    }

    /// Returns whether a player continues without the hostile one.
    fn has_dropped_hostile(&self, n: usize) -> bool {
        let honest = &self.honest[n];
        honest.waited < 10 && honest.left.contains_key(&Seat(self.hostile as u8))
    }
}
