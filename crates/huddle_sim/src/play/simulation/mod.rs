mod conditions;
mod faults;
mod links;
mod machine;
mod step;
#[cfg(test)]
mod tests;
mod verdict;

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use bytes::Bytes;
use huddle_rollback::{LeaveReason, RollbackSession, RollbackSetup, Seat};
use huddle_session::Tick;

pub use self::conditions::{Conditions, Outcome};

use self::machine::Machine;
use super::{
    bounds::Bounds,
    fault::Trouble,
    game::SimGame,
    oracle::Oracle,
    player::{Loss, Player, peer_id},
};
use crate::{network::Network, weather::Weather};

/// Returns the setup of a machine that starts during a match.
pub type Restart<I> = dyn Fn(usize) -> RollbackSetup<I>;

/// A match of several players on a virtual clock and network.
///
/// The network has the faults of its [`Weather`]. Links are given up and opened again like real
/// ones. After every tick, the oracle compares the confirmed states and inputs of all players.
pub struct Simulation<G: SimGame> {
    network: Network<Bytes>,
    players: Vec<Player<G>>,
    machines: Vec<Machine>,
    /// The time of each player's next step.
    due: BinaryHeap<(Reverse<Duration>, Reverse<usize>)>,
    conditions: Conditions<G::Input>,
    restart: Option<Box<Restart<G::Input>>>,
    bounds: Bounds,
    period: Duration,
    /// Losses that a player notices later: the time, the player, the lost player, and the kind.
    notices: Vec<(Duration, usize, usize, Loss)>,
    /// The times at which pairs open a link again.
    relinks: Vec<(Duration, usize, usize)>,
    /// The times at which machines start again.
    returns: Vec<(Duration, usize)>,
    /// The total duration of all freezes so far.
    frozen: Duration,
    oracle: Oracle<G::Input>,
    now: Duration,
    all_started: Option<Duration>,
}

impl<G: SimGame> Simulation<G> {
    /// Creates a match with one player for each setup. The `local_id` and `seats` of a setup contain ids
    /// from [`Simulation::peer`]. A player that [joins](Trouble::Join) later is absent until then.
    pub fn new(
        conditions: Conditions<G::Input>,
        setups: impl IntoIterator<Item = RollbackSetup<G::Input>>,
    ) -> Self {
        let mut period = Duration::from_millis(16);
        let players: Vec<_> = setups
            .into_iter()
            .enumerate()
            .map(|(index, setup)| {
                period = setup.rate.period();
                Player::new(
                    index,
                    seed_of(conditions.seed, index, 0),
                    setup,
                    Duration::ZERO,
                )
            })
            .collect();
        let count = players.len();
        let weather = match conditions.starts_fine {
            true => Weather::default(),
            false => conditions.weather,
        };
        let joins_later = |index| {
            let mut faults = conditions.faults.iter();
            faults.any(|fault| fault.what == Trouble::Join(index))
        };
        let mut simulation = Self {
            network: Network::new(conditions.seed, count, period, weather),
            machines: (0..count)
                .map(|index| Machine::new(!joins_later(index)))
                .collect(),
            due: BinaryHeap::new(),
            period,
            notices: Vec::new(),
            relinks: Vec::new(),
            returns: Vec::new(),
            frozen: Duration::ZERO,
            oracle: Oracle::new(players.iter().map(|player| player.match_number)),
            now: Duration::ZERO,
            all_started: None,
            restart: None,
            bounds: Bounds::default(),
            players,
            conditions,
        };
        let here: Vec<_> = (0..count)
            .filter(|&index| simulation.machines[index].is_here)
            .collect();
        for (n, &a) in here.iter().enumerate() {
            simulation.schedule(a, simulation.begins(a));
            for &b in &here[n + 1..] {
                simulation.link(a, b);
            }
        }
        simulation
    }

    /// Sets the function that returns the setups of machines that [restart](Trouble::Restart) or
    /// [join](Trouble::Join) during the match.
    pub fn set_restart(&mut self, restart: Box<Restart<G::Input>>) {
        self.restart = Some(restart);
    }

    /// Sets the limits of the match.
    pub(super) fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Returns the id of a player. Players are numbered from 0.
    pub fn peer(player: usize) -> huddle_session::PeerId {
        peer_id(player)
    }

    /// Returns the current time.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Returns the time at which the last player started.
    pub fn all_started(&self) -> Option<Duration> {
        self.all_started
    }

    /// Returns a player's session.
    pub fn session(&self, player: usize) -> &RollbackSession<G::Input> {
        &self.players[player].session
    }

    /// Returns a player's session, to change its settings during the match.
    pub fn session_mut(&mut self, player: usize) -> &mut RollbackSession<G::Input> {
        &mut self.players[player].session
    }

    /// Changes the weather of one path.
    pub fn set_weather(&mut self, from: usize, to: usize, weather: Weather) {
        self.network.set_weather(from, to, weather);
    }

    /// Makes a player leave its match and start another one in the same room. The other players may still
    /// play the first match.
    pub fn play_again(&mut self, player: usize, setup: RollbackSetup<G::Input>) {
        self.oracle.begin(player, setup.number);
        self.players[player].leave(self.now, &mut self.network);
        self.players[player].play_again(setup, self.now);
        self.machines[player].progress = (Tick(0), self.now);
        self.all_started = None;
    }

    /// Makes a player request a rematch. The running match continues until all players have requested it.
    pub fn rematch(&mut self, player: usize, setup: RollbackSetup<G::Input>) {
        self.players[player].rematch(setup, self.now);
    }

    /// Makes a player's game queue as many events for all other players as their queues accept.
    pub fn send_bulk(&mut self, player: usize) {
        self.players[player].sends_bulk = true;
    }

    /// Makes a player's game compute wrong checksums from a tick on, as a bug would.
    pub fn break_game(&mut self, player: usize, from: Tick) {
        self.oracle.may_differ = true;
        if let Some(running) = &mut self.players[player].running {
            running.broken_from = Some(from);
        }
    }

    /// Plays until a time, or until the oracle finds a failure.
    pub fn run_until(&mut self, end: Duration) {
        while let Some(&(Reverse(at), Reverse(index))) = self.due.peek()
            && at < end
            && self.oracle.failures.is_empty()
        {
            self.due.pop();
            self.now = at;
            self.update_faults();
            if self.machines[index].is_here {
                let next = self.step(index);
                self.schedule(index, next);
            }
        }
        if self.oracle.failures.is_empty() {
            self.now = self.now.max(end);
        }
    }

    /// Plays until all players have started, for at most this time. Returns whether they have.
    pub fn run_until_started(&mut self, limit: Duration) -> bool {
        let end = self.now + limit;
        while self.all_started.is_none() && self.now < end && self.oracle.failures.is_empty() {
            self.run_until(self.now + self.period);
        }
        self.all_started.is_some()
    }

    /// Returns the result for a player.
    pub fn outcome(&self, player: usize) -> Outcome {
        let it = &self.players[player];
        Outcome {
            stats: it.session.stats().copied().unwrap_or_default(),
            sent: self.network.sent_by(player),
            events: it.events.clone(),
            errors: it.errors.clone(),
            steps: it.steps,
            tick: it.session.tick(),
            is_here: self.machines[player].is_here,
            freezes: it.freezes.clone(),
            input_to_packet: it.input_to_packet,
            checksums: it.running.as_ref().map_or(0, |game| game.checksums),
            memory: self.machines[player].memory,
        }
    }

    /// Returns which seats left according to a player, with their last ticks and reasons.
    pub fn left(&self, player: usize) -> Vec<(Seat, Tick, LeaveReason)> {
        self.oracle
            .left(player)
            .iter()
            .map(|(seat, (at, reason))| (*seat, *at, *reason))
            .collect()
    }

    fn begins(&self, index: usize) -> Duration {
        self.conditions
            .begins
            .get(index)
            .copied()
            .unwrap_or_default()
    }

    fn schedule(&mut self, index: usize, at: Duration) {
        self.due.push((Reverse(at), Reverse(index)));
    }
}

/// Returns the seed of a player's room after it has started `starts` times before.
fn seed_of(seed: u64, index: usize, starts: u64) -> u64 {
    let seed = seed.wrapping_mul(64).wrapping_add(index as u64);
    seed ^ starts << 63
}
