use std::collections::BTreeMap;

use huddle_rollback::{InputStatus, Seat, SeatInput};
use huddle_session::Tick;

/// The sampled inputs, which every player must finally simulate.
#[derive(Debug)]
pub(super) struct Truth<I> {
    /// The inputs of each tick, by the match number and the seat.
    inputs: BTreeMap<(u32, Seat), Vec<I>>,
}

impl<I: Clone + PartialEq + Default> Truth<I> {
    pub(super) fn new() -> Self {
        Self {
            inputs: BTreeMap::new(),
        }
    }

    /// Adds an input that was sampled at a tick. It takes effect `delay` ticks later, and repeats until the
    /// next input takes effect.
    pub(super) fn add_input(
        &mut self,
        match_number: u32,
        seat: Seat,
        tick: Tick,
        input: &I,
        delay: u8,
    ) {
        let inputs = self.inputs.entry((match_number, seat)).or_default();
        let end = tick.0 as usize + usize::from(delay) + 1;
        if inputs.len() < end {
            inputs.resize(end, input.clone());
        }
    }

    /// Returns the first tick without an input of a seat.
    pub(super) fn end(&self, match_number: u32, seat: Seat) -> Tick {
        let inputs = self.inputs.get(&(match_number, seat));
        Tick(inputs.map_or(0, |inputs| inputs.len() as u32))
    }

    /// Checks the input that was simulated for a seat in a confirmed tick. `left` is the first tick
    /// without the seat's player.
    ///
    /// # Errors
    /// Returns a description of the problem.
    pub(super) fn check(
        &self,
        match_number: u32,
        seat: Seat,
        tick: Tick,
        simulated: &SeatInput<I>,
        left: Option<Tick>,
    ) -> Result<(), &'static str> {
        let is_gone = left.is_some_and(|left| !left.is_after(tick));
        let inputs = self.inputs.get(&(match_number, seat));
        let sampled = inputs.and_then(|inputs| inputs.get(tick.0 as usize));
        match (simulated.status, sampled) {
            (InputStatus::Disconnected, _) if !is_gone => Err("is absent and has not left"),
            (InputStatus::Disconnected, _) if simulated.input != I::default() => {
                Err("is absent and has an input")
            }
            (InputStatus::Disconnected, _) => Ok(()),
            _ if is_gone => Err("has left and is not absent"),
            // A correct prediction is not resimulated, so its status stays.
            (_, Some(sampled)) if *sampled == simulated.input => Ok(()),
            (_, Some(_)) => Err("has another input than was sampled"),
            (_, None) => Err("has an input that was never sampled"),
        }
    }
}
