use std::collections::{BTreeMap, HashMap};

use huddle_rollback::{Input, LeaveReason, RollbackEvent, Seat, SeatInput};
use huddle_session::Tick;

use super::truth::Truth;

/// Compares the confirmed states and inputs of all players with each other, and with the sampled
/// inputs.
pub(super) struct Oracle<I> {
    /// The state before each tick and the player that reached it first, by the match number and the
    /// seats that had left by then.
    states: HashMap<(u32, u32, Vec<(Seat, Tick)>), (u64, usize)>,
    truth: Truth<I>,
    players: Vec<Seen>,
    /// Whether a test makes the players' games differ.
    pub(super) may_differ: bool,
    pub(super) failures: Vec<String>,
}

/// The oracle's knowledge of a player.
#[derive(Debug, Default)]
struct Seen {
    match_number: u32,
    /// The first tick that has not been compared.
    compared: Tick,
    left: BTreeMap<Seat, (Tick, LeaveReason)>,
}

impl<I: Input> Oracle<I> {
    pub(super) fn new(match_numbers: impl IntoIterator<Item = u32>) -> Self {
        let seen = |match_number| Seen {
            match_number,
            ..Seen::default()
        };
        Self {
            states: HashMap::new(),
            truth: Truth::new(),
            players: match_numbers.into_iter().map(seen).collect(),
            may_differ: false,
            failures: Vec::new(),
        }
    }

    /// Reports that a player starts another match.
    pub(super) fn begin(&mut self, player: usize, match_number: u32) {
        self.players[player] = Seen {
            match_number,
            ..Seen::default()
        };
    }

    /// Adds an input that a player sampled at a tick. It takes effect `delay` ticks later.
    pub(super) fn add_input(
        &mut self,
        player: usize,
        seat: Seat,
        tick: Tick,
        input: &I,
        delay: u8,
    ) {
        let match_number = self.players[player].match_number;
        self.truth.add_input(match_number, seat, tick, input, delay);
    }

    /// Checks an event of a player. `known` is the last tick for which the player has the input of the
    /// event's seat.
    pub(super) fn check_event(
        &mut self,
        player: usize,
        event: &RollbackEvent,
        known: Option<Tick>,
    ) {
        match event {
            RollbackEvent::SeatLeft {
                seat,
                at_tick,
                reason,
                ..
            } => self.check_departure(player, *seat, *at_tick, *reason, known),
            RollbackEvent::Mismatch(mismatch) if !self.may_differ => self
                .failures
                .push(format!("player {player} reports a desync: {mismatch:?}")),
            _ => {}
        }
    }

    fn check_departure(
        &mut self,
        player: usize,
        seat: Seat,
        at: Tick,
        reason: LeaveReason,
        known: Option<Tick>,
    ) {
        let seen = &mut self.players[player];
        let end = self.truth.end(seen.match_number, seat);
        let mut fail = |what: String| {
            self.failures
                .push(format!("player {player}: seat {seat} left at {at}, {what}"));
        };
        if seen.compared.is_after(at + 1) {
            fail(format!("although {} was confirmed", seen.compared));
        }
        if let Some(known) = known.filter(|known| !at.is_after(*known)) {
            fail(format!("although its input of {known} had arrived"));
        }
        if at.is_after(end) {
            fail(format!("although its inputs end at {end}"));
        }
        if reason == LeaveReason::Left && at != end {
            fail(format!("although it announced its departure at {end}"));
        }
        if seen.left.insert(seat, (at, reason)).is_some() {
            fail("for the second time".to_owned());
        }
    }

    /// Compares all ticks before `confirmed`, which became final for a player. `before` returns the
    /// state before a tick, and `input` the input of a seat.
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
            let key = (seen.match_number, tick.0, left);
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
                    let check = self.truth.check(seen.match_number, seat, last, input, left);
                    if let Err(what) = check {
                        self.failures.push(format!(
                            "seat {seat} {what} in tick {last}, according to player {player}: {input:?}"
                        ));
                    }
                }
            }
            seen.compared += 1;
        }
    }

    /// Compares the departures that players in the same match have reported.
    pub(super) fn compare_leaves(&mut self, together: &[usize]) {
        let Some((&first, others)) = together.split_first() else {
            return;
        };
        for &other in others {
            let (a, b) = (&self.players[first].left, &self.players[other].left);
            let is_same_game = self.players[first].match_number == self.players[other].match_number;
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
