use std::collections::BTreeMap;

use huddle_rollback::{InputStatus, Seat, SeatInput};
use huddle_session::Tick;

/// What players really did, as whoever asks them knows it: what all must come to simulate.
#[derive(Debug)]
pub(super) struct Truth<I> {
    /// The inputs of each tick, by the game's number and the seat.
    done: BTreeMap<(u32, Seat), Vec<I>>,
}

impl<I: Clone + PartialEq + Default> Truth<I> {
    pub(super) fn new() -> Self {
        Self {
            done: BTreeMap::new(),
        }
    }

    /// A player was asked at a tick and did this; it counts `delay` ticks later, and until then
    /// whatever was done last.
    pub(super) fn asked(&mut self, round: u32, seat: Seat, tick: Tick, input: &I, delay: u8) {
        let done = self.done.entry((round, seat)).or_default();
        let end = tick.0 as usize + usize::from(delay) + 1;
        if done.len() < end {
            done.resize(end, input.clone());
        }
    }

    /// The first tick of which it is open what a seat will do.
    pub(super) fn end(&self, round: u32, seat: Seat) -> Tick {
        let done = self.done.get(&(round, seat));
        Tick(done.map_or(0, |done| done.len() as u32))
    }

    /// What is wrong with what was simulated of a seat in a tick that is final; `left` says when the
    /// seat was left.
    pub(super) fn check(
        &self,
        round: u32,
        seat: Seat,
        tick: Tick,
        simulated: &SeatInput<I>,
        left: Option<Tick>,
    ) -> Result<(), &'static str> {
        let is_gone = left.is_some_and(|left| !left.is_after(tick));
        let done = self.done.get(&(round, seat));
        let done = done.and_then(|done| done.get(tick.0 as usize));
        match (simulated.status, done) {
            (InputStatus::Disconnected, _) if !is_gone => Err("is absent and never left"),
            (InputStatus::Disconnected, _) if simulated.input != I::default() => {
                Err("is absent and does something")
            }
            (InputStatus::Disconnected, _) => Ok(()),
            _ if is_gone => Err("has left and is not absent"),
            // A guess that proved right is not simulated again.
            (_, Some(done)) if *done == simulated.input => Ok(()),
            (_, Some(_)) => Err("did something else"),
            (_, None) => Err("was never asked for so late a tick"),
        }
    }
}
