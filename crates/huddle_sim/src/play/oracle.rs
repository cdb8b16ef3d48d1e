use std::collections::{BTreeMap, HashMap};

use huddle_rollback::{Input, LeaveReason, RollbackEvent, Seat, SeatInput};
use huddle_session::Tick;

use super::truth::Truth;

/// Compares what all players hold to be final, with each other's and with what was really done.
pub(super) struct Oracle<I> {
    /// The state before each tick, by the game's number and who had left by then.
    states: HashMap<(u32, u32, Vec<(Seat, Tick)>), (u64, usize)>,
    truth: Truth<I>,
    players: Vec<Seen>,
    /// Whether players' games are made to differ.
    pub(super) may_differ: bool,
    pub(super) failures: Vec<String>,
}

/// What a player has said so far.
#[derive(Debug, Default)]
struct Seen {
    round: u32,
    /// All ticks before this one have been compared.
    compared: Tick,
    left: BTreeMap<Seat, (Tick, LeaveReason)>,
}

impl<I: Input> Oracle<I> {
    pub(super) fn new(rounds: impl IntoIterator<Item = u32>) -> Self {
        let seen = |round| Seen {
            round,
            ..Seen::default()
        };
        Self {
            states: HashMap::new(),
            truth: Truth::new(),
            players: rounds.into_iter().map(seen).collect(),
            may_differ: false,
            failures: Vec::new(),
        }
    }

    /// A player begins another game.
    pub(super) fn begin(&mut self, player: usize, round: u32) {
        self.players[player] = Seen {
            round,
            ..Seen::default()
        };
    }

    /// A player was asked at a tick and did this; it counts `delay` ticks later.
    pub(super) fn asked(&mut self, player: usize, seat: Seat, tick: Tick, input: &I, delay: u8) {
        let round = self.players[player].round;
        self.truth.asked(round, seat, tick, input, delay);
    }

    /// Takes an event of a player, who has known inputs of the seat it is about up to `known`.
    pub(super) fn hear(&mut self, player: usize, event: &RollbackEvent, known: Option<Tick>) {
        match event {
            RollbackEvent::SeatLeft {
                seat,
                at_tick,
                reason,
                ..
            } => self.hear_left(player, *seat, *at_tick, *reason, known),
            RollbackEvent::Mismatch(mismatch) if !self.may_differ => self.failures.push(format!(
                "player {player} reports a difference: {mismatch:?}"
            )),
            RollbackEvent::SyncTestFailed(mismatch) => self.failures.push(format!(
                "the sync test of player {player} failed: {mismatch:?}"
            )),
            _ => {}
        }
    }

    fn hear_left(
        &mut self,
        player: usize,
        seat: Seat,
        at: Tick,
        reason: LeaveReason,
        known: Option<Tick>,
    ) {
        let seen = &mut self.players[player];
        let end = self.truth.end(seen.round, seat);
        let mut fail = |what: String| {
            let told = format!("player {player} is told that seat {seat} left at {at}");
            self.failures.push(format!("{told}, {what}"));
        };
        if seen.compared.is_after(at + 1) {
            fail(format!("after it confirmed {}", seen.compared));
        }
        if let Some(known) = known.filter(|known| !at.is_after(*known)) {
            fail(format!("and knew what it did at {known}"));
        }
        if at.is_after(end) {
            fail(format!("which did nothing after {end}"));
        }
        if reason == LeaveReason::Left && at != end {
            fail(format!("which said so after it played until {end}"));
        }
        if seen.left.insert(seat, (at, reason)).is_some() {
            fail("for the second time".to_owned());
        }
    }

    /// Compares what became final for a player: all before `confirmed`. `before` tells the state
    /// before a tick, and `input` what a seat did in it.
    pub(super) fn compare<'a>(
        &mut self,
        player: usize,
        confirmed: Tick,
        before: impl Fn(Tick) -> Option<u64>,
        input: impl Fn(Tick, Seat) -> Option<&'a SeatInput<I>>,
    ) {
        let seen = &mut self.players[player];
        if seen.compared.is_after(confirmed + 1) {
            self.failures.push(format!(
                "player {player} confirmed {} before {confirmed}",
                seen.compared
            ));
        }
        while !seen.compared.is_after(confirmed) {
            let tick = seen.compared;
            let Some(state) = before(tick) else { break };
            let left = seen.left.iter().filter(|(_, (at, _))| tick.is_after(*at));
            let left = left.map(|(seat, (at, _))| (*seat, *at)).collect();
            let key = (seen.round, tick.0, left);
            let (expected, first) = *self.states.entry(key).or_insert((state, player));
            if expected != state {
                self.failures.push(format!(
                    "players {first} and {player} disagree about the state before tick {tick}"
                ));
            }
            if let Some(last) = tick.0.checked_sub(1).map(Tick) {
                for seat in (0..).map(Seat) {
                    let Some(input) = input(last, seat) else {
                        break;
                    };
                    let left = seen.left.get(&seat).map(|(at, _)| *at);
                    let check = self.truth.check(seen.round, seat, last, input, left);
                    if let Err(what) = check {
                        self.failures.push(format!(
                            "seat {seat} {what} in tick {last}, as player {player} has it: {input:?}"
                        ));
                    }
                }
            }
            seen.compared += 1;
        }
    }

    /// Compares what players who still see each other think of who left.
    pub(super) fn compare_leaves(&mut self, together: &[usize]) {
        let Some((&first, others)) = together.split_first() else {
            return;
        };
        for &other in others {
            let (a, b) = (&self.players[first].left, &self.players[other].left);
            let is_same_game = self.players[first].round == self.players[other].round;
            if is_same_game && a != b {
                self.failures.push(format!(
                    "players {first} and {other} disagree about who left: {a:?} and {b:?}"
                ));
            }
        }
    }

    pub(super) fn left(&self, player: usize) -> &BTreeMap<Seat, (Tick, LeaveReason)> {
        &self.players[player].left
    }
}
