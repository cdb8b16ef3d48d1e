use std::collections::BTreeMap;

use huddle_rollback::{InputStatus, Seat, SeatInput};
use huddle_session::Tick;

/// The inputs that the players made, which every player must simulate in the end.
#[derive(Debug)]
pub(super) struct Truth<I> {
    /// The inputs of each tick, by the match number and the seat.
    done: BTreeMap<(u32, Seat), Vec<I>>,
}

impl<I: Clone + PartialEq + Default> Truth<I> {
    pub(super) fn new() -> Self {
        Self {
            done: BTreeMap::new(),
        }
    }

    /// A player made an input at a tick. It takes effect `delay` ticks later, and repeats until the
    /// next one does.
    pub(super) fn asked(&mut self, round: u32, seat: Seat, tick: Tick, input: &I, delay: u8) {
        let done = self.done.entry((round, seat)).or_default();
        let end = tick.0 as usize + usize::from(delay) + 1;
        if done.len() < end {
            done.resize(end, input.clone());
        }
    }

    /// Returns the first tick without an input of a seat.
    pub(super) fn end(&self, round: u32, seat: Seat) -> Tick {
        let done = self.done.get(&(round, seat));
        Tick(done.map_or(0, |done| done.len() as u32))
    }

    /// Checks the input that was simulated for a seat in a confirmed tick. `left` is the first tick
    /// without the seat's player.
    ///
    /// # Errors
    /// Returns what is wrong with the input.
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
            (InputStatus::Disconnected, _) if !is_gone => Err("is absent and has not left"),
            (InputStatus::Disconnected, _) if simulated.input != I::default() => {
                Err("is absent and has an input")
            }
            (InputStatus::Disconnected, _) => Ok(()),
            _ if is_gone => Err("has left and is not absent"),
            // A correct prediction is not resimulated, so its status stays.
            (_, Some(done)) if *done == simulated.input => Ok(()),
            (_, Some(_)) => Err("has another input than its player made"),
            (_, None) => Err("has an input that its player has not made"),
        }
    }
}
