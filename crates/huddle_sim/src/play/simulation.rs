use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use bytes::Bytes;
use huddle_rollback::{
    LeaveReason, Pace, RollbackEvent, RollbackSession, RollbackSetup, RollbackStats, Seat,
};
use huddle_session::Tick;

use super::{
    fault::{Fault, Trouble},
    game::SimGame,
    oracle::Oracle,
    player::{Inputs, Loss, Player, peer_id},
};
use crate::{
    network::{Network, Traffic},
    weather::Weather,
};

/// The silence after which a link is given up. It is the default of `huddle_mesh`, and longer than a
/// game waits.
const SILENCE: Duration = Duration::from_secs(8);

/// How long it takes to link again.
const RELINK: Duration = Duration::from_millis(500);

/// Under which conditions a game is simulated.
pub struct Conditions<I> {
    /// What everything random depends on.
    pub seed: u64,
    /// The weather everywhere.
    pub weather: Weather,
    /// What goes wrong, in the order of time.
    pub faults: Vec<Fault>,
    /// How much longer than it should each player's clock takes, such as 1.0001; those not named
    /// run right.
    pub drift: Vec<f64>,
    /// Whether players follow [`RollbackSession::speed`].
    pub follows_speed: bool,
    /// Whether the weather is fine until all have started.
    pub starts_fine: bool,
    /// When each player begins to step.
    pub begins: Vec<Duration>,
    /// What a player does.
    pub inputs: Box<Inputs<I>>,
}

/// A game of several players on a virtual clock and network.
///
/// The network's faults are those of [`Weather`], and links are given up and made anew as real ones
/// are. What all players take for final is compared in every tick.
pub struct Simulation<G: SimGame> {
    network: Network<Bytes>,
    players: Vec<Player<G>>,
    /// Who runs, and has not left.
    is_here: Vec<bool>,
    /// When each player steps next.
    due: BinaryHeap<(Reverse<Duration>, Reverse<usize>)>,
    conditions: Conditions<G::Input>,
    period: Duration,
    slow: Vec<f64>,
    frozen_until: Vec<Duration>,
    /// Until when each player's game is stopped, if it is.
    stopped_until: Vec<Option<Duration>>,
    /// Links that players have to be told are gone: when, who, of whom, and how.
    notices: Vec<(Duration, usize, usize, Loss)>,
    /// When pairs link again.
    relinks: Vec<(Duration, usize, usize)>,
    /// When each player simulated a new tick last.
    progress: Vec<(Tick, Duration)>,
    oracle: Oracle<G::Input>,
    now: Duration,
    all_started: Option<Duration>,
}

/// What a player's game came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How it went.
    pub stats: RollbackStats,
    /// What was sent since all had started.
    pub sent: Traffic,
    /// What was reported.
    pub events: Vec<RollbackEvent>,
    /// What others sent that made no sense.
    pub errors: Vec<String>,
    /// Steps since it started.
    pub steps: u64,
    /// The tick that comes next.
    pub tick: Tick,
    /// Whether the player was still there at the end.
    pub is_here: bool,
    /// How long the game stood still each time that others left.
    pub freezes: Vec<Duration>,
    /// The longest time from sampling an input to the packet that carries it.
    pub input_to_packet: Duration,
    /// The number of checksums that the session requested.
    pub checksums: u64,
}

impl<G: SimGame> Simulation<G> {
    /// A game of as many players as there are setups; the `me` and `seats` of each name players by
    /// [`Simulation::peer`].
    pub fn new(
        conditions: Conditions<G::Input>,
        setups: impl IntoIterator<Item = RollbackSetup<G::Input>>,
    ) -> Self {
        let mut period = Duration::from_millis(16);
        let players: Vec<_> = setups
            .into_iter()
            .enumerate()
            .map(|(me, setup)| {
                period = setup.rate.period();
                let seed = conditions.seed.wrapping_mul(64).wrapping_add(me as u64);
                Player::new(me, seed, setup)
            })
            .collect();
        let count = players.len();
        let weather = match conditions.starts_fine {
            true => Weather::default(),
            false => conditions.weather,
        };
        let begins = |me| conditions.begins.get(me).copied().unwrap_or_default();
        let mut simulation = Self {
            network: Network::new(conditions.seed, count, period, weather),
            is_here: vec![true; count],
            due: (0..count)
                .map(|me| (Reverse(begins(me)), Reverse(me)))
                .collect(),
            period,
            slow: vec![1.0; count],
            frozen_until: vec![Duration::ZERO; count],
            stopped_until: vec![None; count],
            notices: Vec::new(),
            relinks: Vec::new(),
            progress: vec![(Tick(0), Duration::ZERO); count],
            oracle: Oracle::new(players.iter().map(|player| player.round)),
            now: Duration::ZERO,
            all_started: None,
            players,
            conditions,
        };
        for a in 0..count {
            for b in a + 1..count {
                simulation.link(a, b);
            }
        }
        simulation
    }

    /// The id of a player, who are numbered from 0.
    pub fn peer(player: usize) -> huddle_session::PeerId {
        peer_id(player)
    }

    /// What time it is.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// When the last player started.
    pub fn all_started(&self) -> Option<Duration> {
        self.all_started
    }

    /// A player's session.
    pub fn session(&self, player: usize) -> &RollbackSession<G::Input> {
        &self.players[player].session
    }

    /// A player's session, to change settings while it plays.
    pub fn session_mut(&mut self, player: usize) -> &mut RollbackSession<G::Input> {
        &mut self.players[player].session
    }

    /// Changes the weather of one path.
    pub fn set_weather(&mut self, from: usize, to: usize, weather: Weather) {
        self.network.set_weather(from, to, weather);
    }

    /// A player leaves the game and begins another in the same room. The others may still play.
    pub fn play_again(&mut self, player: usize, setup: RollbackSetup<G::Input>) {
        self.oracle.begin(player, setup.number);
        self.players[player].leave(self.now, &mut self.network);
        self.players[player].play_again(setup, self.now);
        self.progress[player] = (Tick(0), self.now);
        self.all_started = None;
    }

    /// Makes a player's game queue as many events for all others as their queues accept.
    pub fn send_bulk(&mut self, player: usize) {
        self.players[player].sends_bulk = true;
    }

    /// A player starts the next match, while the running one goes on until all have called this.
    pub fn rematch(&mut self, player: usize, setup: RollbackSetup<G::Input>) {
        self.players[player].rematch(setup, self.now);
    }

    /// Makes a player's game compute something else from a tick on, as a bug would.
    pub fn break_game(&mut self, player: usize, from: Tick) {
        self.oracle.may_differ = true;
        if let Some(running) = &mut self.players[player].running {
            running.broken_from = Some(from);
        }
    }

    /// Plays until a time, or until the oracle finds that something is wrong.
    pub fn run_until(&mut self, end: Duration) {
        while let Some(&(Reverse(at), Reverse(me))) = self.due.peek()
            && at < end
            && self.oracle.failures.is_empty()
        {
            self.due.pop();
            self.now = at;
            self.trouble();
            if self.is_here[me] {
                let next = self.step(me);
                self.due.push((Reverse(next), Reverse(me)));
            }
        }
        if self.oracle.failures.is_empty() {
            self.now = self.now.max(end);
        }
    }

    /// Plays until all have started, for at most so long.
    pub fn run_until_started(&mut self, limit: Duration) -> bool {
        let end = self.now + limit;
        while self.all_started.is_none() && self.now < end && self.oracle.failures.is_empty() {
            self.run_until(self.now + self.period);
        }
        self.all_started.is_some()
    }

    /// What is wrong, which should be nothing: who disagrees about what, and who waits for ever.
    pub fn verdict(&mut self) -> Result<(), String> {
        for (me, is_here) in self.is_here.iter().enumerate() {
            let (tick, since) = self.progress[me];
            let waited = self.now.saturating_sub(since);
            if *is_here && waited > 2 * SILENCE + Duration::from_secs(4) {
                self.oracle.failures.push(format!(
                    "player {me} has waited at tick {tick} for {:.1} s",
                    waited.as_secs_f64()
                ));
            }
        }
        for (me, player) in self.players.iter().enumerate() {
            for event in &player.events {
                if let RollbackEvent::StartFailed(error) = event {
                    self.oracle
                        .failures
                        .push(format!("player {me} could not start: {error}"));
                }
            }
        }
        for me in 0..self.players.len() {
            if self.is_here[me] {
                let together: Vec<_> = (0..self.players.len())
                    .filter(|&other| self.is_here[other] && self.see_each_other(me, other))
                    .collect();
                self.oracle.compare_leaves(&together);
            }
        }
        match self.oracle.failures.first() {
            Some(failure) => Err(format!("after {:.2} s: {failure}", self.now.as_secs_f64())),
            None => Ok(()),
        }
    }

    /// Says whether inputs had to be asked for again, which they need not where nobody waits for
    /// long.
    pub(super) fn check_streams(&self) -> Result<(), String> {
        for (me, player) in self.players.iter().enumerate() {
            let restarts = player.session.stats().map_or(0, |stats| stats.restarts);
            if restarts > 0 {
                return Err(format!(
                    "player {me} had to ask for inputs again {restarts} times"
                ));
            }
        }
        Ok(())
    }

    /// What came of it for a player.
    pub fn outcome(&self, player: usize) -> Outcome {
        let it = &self.players[player];
        Outcome {
            stats: it.session.stats().copied().unwrap_or_default(),
            sent: self.network.sent_by(player),
            events: it.events.clone(),
            errors: it.errors.clone(),
            steps: it.steps,
            tick: it.session.tick(),
            is_here: self.is_here[player],
            freezes: it.freezes.clone(),
            input_to_packet: it.input_to_packet,
            checksums: it.running.as_ref().map_or(0, |game| game.checksums),
        }
    }

    /// Whether two players still play together, as far as each of them knows.
    fn see_each_other(&self, a: usize, b: usize) -> bool {
        let sees = |me: usize, other: usize| {
            me == other || self.players[me].session.members().contains(&peer_id(other))
        };
        sees(a, b) && sees(b, a)
    }

    fn step(&mut self, me: usize) -> Duration {
        if self.frozen_until[me] > self.now {
            return self.frozen_until[me];
        }
        if let Some(until) = self.stopped_until[me] {
            if until > self.now {
                self.players[me].stand_by(self.now, &mut self.network);
                return self.now + self.period;
            }
            self.set_stopped(me, None);
        }
        let player = &mut self.players[me];
        let (before, round) = (player.events.len(), player.round);
        player.step(self.now, &mut self.network, &*self.conditions.inputs);
        if player.round != round {
            self.oracle.begin(me, player.round);
        }
        for (seat, tick, input) in &player.asked {
            if let Some(delay) = player.session.delay(*seat) {
                self.oracle.asked(me, *seat, *tick, input, delay);
            }
        }
        for event in &player.events[before..] {
            let known = match event {
                RollbackEvent::SeatLeft { seat, .. } => player.last_known.get(seat).copied(),
                _ => None,
            };
            self.oracle.hear(me, event, known);
        }
        if let Some(running) = &player.running {
            let confirmed = player.session.confirmed();
            self.oracle.compare(
                me,
                confirmed,
                |tick| running.before(tick),
                |tick, seat| running.history.input(tick, seat),
            );
        }
        if let Some(error) = player.errors.first() {
            self.oracle
                .failures
                .push(format!("player {me} takes the honest for liars: {error}"));
        }
        let tick = player.session.tick();
        if tick != self.progress[me].0 || player.running.is_none() {
            self.progress[me] = (tick, self.now);
        }
        let speed = match self.conditions.follows_speed {
            true => player.session.speed(self.now),
            false => 1.0,
        };
        let limits = Pace::SLOWEST..=Pace::FASTEST;
        assert!(limits.contains(&speed) || speed == 1.0, "{speed}");
        self.watch_links(me);
        self.note_start();
        let drift = self.conditions.drift.get(me).copied().unwrap_or(1.0);
        self.now + self.period.mul_f64(drift * self.slow[me] / speed)
    }

    fn note_start(&mut self) {
        if self.all_started.is_none() && self.players.iter().all(|player| player.running.is_some())
        {
            self.all_started = Some(self.now);
            if self.conditions.starts_fine {
                let count = self.players.len();
                for (from, to) in (0..count * count).map(|path| (path / count, path % count)) {
                    self.network.set_weather(from, to, self.conditions.weather);
                }
            }
        }
    }

    /// Gives up links that are silent. Pings, of which one arrives in time, are not sent one by one.
    fn watch_links(&mut self, me: usize) {
        let now = self.now;
        let Self {
            network,
            is_here,
            frozen_until,
            ..
        } = self;
        let pings = |other: usize| {
            let is_cut = network.is_cut(me, other, now) || network.is_cut(other, me, now);
            is_here[other] && frozen_until[other] <= now && !is_cut
        };
        let mut lost = Vec::new();
        for (&other, heard) in &mut self.players[me].linked {
            if pings(other) {
                *heard = now;
            }
            if now.saturating_sub(*heard) >= SILENCE {
                lost.push(other);
            }
        }
        for other in lost {
            self.lose(me, other, Loss::Link);
        }
    }

    fn lose(&mut self, me: usize, other: usize, loss: Loss) {
        if self.players[me].linked.contains_key(&other) {
            self.players[me].lose(other, loss, self.now);
            self.network.drop_link(me, other);
            self.relinks.push((self.now + RELINK, me, other));
        }
    }

    fn link(&mut self, a: usize, b: usize) {
        self.network.drop_link(a, b);
        self.players[a].link(b, self.now);
        self.players[b].link(a, self.now);
    }

    /// Lets happen what is due.
    fn trouble(&mut self) {
        while let Some(fault) = self.conditions.faults.first()
            && fault.at <= self.now
        {
            let fault = self.conditions.faults.remove(0);
            self.befall(fault.what);
        }
        let due: Vec<_> = self
            .notices
            .extract_if(.., |notice| notice.0 <= self.now)
            .collect();
        for (_, me, other, loss) in due {
            self.lose(me, other, loss);
        }
        let due: Vec<_> = self
            .relinks
            .extract_if(.., |relink| relink.0 <= self.now)
            .collect();
        for (_, a, b) in due {
            let are_apart = !self.players[a].linked.contains_key(&b)
                && !self.players[b].linked.contains_key(&a);
            let can_link = self.is_here[a]
                && self.is_here[b]
                && !self.network.is_cut(a, b, self.now)
                && !self.network.is_cut(b, a, self.now);
            match (are_apart, can_link) {
                (true, true) => self.link(a, b),
                _ if self.is_here[a] && self.is_here[b] => {
                    self.relinks.push((self.now + RELINK, a, b))
                }
                _ => {}
            }
        }
    }

    fn befall(&mut self, what: Trouble) {
        let count = self.players.len();
        let others = |me: usize| (0..count).filter(move |&other| other != me);
        match what {
            Trouble::Vanish {
                players,
                noticed_after,
            } => {
                for me in players {
                    self.is_here[me] = false;
                    let at = self.now + noticed_after;
                    self.notices
                        .extend(others(me).map(|other| (at, other, me, Loss::Link)));
                }
            }
            Trouble::Leave(me) => {
                self.players[me].leave(self.now, &mut self.network);
                self.is_here[me] = false;
            }
            Trouble::Remove(me) => {
                for other in others(me) {
                    self.lose(other, me, Loss::Removed);
                }
                self.is_here[me] = false;
            }
            Trouble::Restart { player, takes } => {
                self.is_here[player] = false;
                let at = self.now + takes;
                let notices = others(player).map(|other| (at, other, player, Loss::Restarted));
                self.notices.extend(notices);
            }
            Trouble::Partition { side, lasts } => {
                for &a in &side {
                    for b in (0..count).filter(|b| !side.contains(b)) {
                        self.cut(a, b, lasts);
                    }
                }
            }
            Trouble::Cut(a, b, lasts) => self.cut(a, b, lasts),
            Trouble::Freeze(me, lasts) => {
                self.frozen_until[me] = self.now + lasts;
                for heard in self.players[me].linked.values_mut() {
                    *heard = self.now + lasts;
                }
            }
            Trouble::Stop(me, lasts) => self.set_stopped(me, Some(self.now + lasts)),
            Trouble::Slow(me, factor) => self.slow[me] = factor,
        }
    }

    /// Stops a player's game or lets it go on, and notifies the other players.
    fn set_stopped(&mut self, me: usize, until: Option<Duration>) {
        self.stopped_until[me] = until;
        for (other, player) in self.players.iter_mut().enumerate() {
            if other != me {
                player.session.set_stopped(peer_id(me), until.is_some());
            }
        }
    }

    fn cut(&mut self, a: usize, b: usize, lasts: Duration) {
        let until = self.now.saturating_add(lasts);
        self.network.cut(a, b, self.now..until);
        self.network.cut(b, a, self.now..until);
    }

    /// Which seats left for a player, when and why.
    pub fn left(&self, player: usize) -> Vec<(Seat, Tick, LeaveReason)> {
        self.oracle
            .left(player)
            .iter()
            .map(|(seat, (at, reason))| (*seat, *at, *reason))
            .collect()
    }
}
