//! The inputs of all seats in a tick.

use std::ops::Index;

use bevy::prelude::*;
use huddle_rollback::{Input, InputStatus, Seat, SeatInput};

/// The inputs of all seats in the tick that is being simulated.
///
/// An input is what a player holds, not what a player has just pressed. Inputs of other players are often
/// predicted, and a prediction repeats what is held. [`just_pressed`](Self::just_pressed) compares with
/// the tick before, and so is right after a rollback, too.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::rollback::{Inputs, Seat};
///
/// #[derive(Clone, Debug, Default, PartialEq)]
/// struct Pad {
///     x: i8,
///     jump: bool,
/// }
///
/// fn run(inputs: Res<Inputs<Pad>>) {
///     for (seat, pad) in inputs.iter() {
///         println!("{seat} steers to {}", pad.x);
///     }
///     if inputs.just_pressed(Seat(0), |pad| pad.jump) {
///         println!("the first player jumps");
///     }
/// }
/// # bevy::ecs::system::assert_is_system(run);
/// ```
#[derive(Resource, Debug, Clone)]
pub struct Inputs<I: Input> {
    now: Vec<SeatInput<I>>,
    before: Vec<SeatInput<I>>,
    absent: I,
}

impl<I: Input> Default for Inputs<I> {
    fn default() -> Self {
        Self {
            now: Vec::new(),
            before: Vec::new(),
            absent: I::default(),
        }
    }
}

impl<I: Input> Inputs<I> {
    /// Sets the inputs of the next tick.
    pub(crate) fn advance(&mut self, inputs: &[SeatInput<I>]) {
        std::mem::swap(&mut self.before, &mut self.now);
        self.now.clear();
        self.now.extend_from_slice(inputs);
    }

    /// Returns the input of a seat. A seat that does not exist has the default input, like the seat of a
    /// player that has left.
    pub fn get(&self, seat: Seat) -> &I {
        self.now
            .get(seat.index())
            .map_or(&self.absent, |seat| &seat.input)
    }

    /// Returns all seats with their inputs.
    pub fn iter(&self) -> impl Iterator<Item = (Seat, &I)> {
        let inputs = self.now.iter().map(|seat| &seat.input);
        (0..).map(Seat).zip(inputs)
    }

    /// Returns whether a seat's player has left the match.
    pub fn is_disconnected(&self, seat: Seat) -> bool {
        let now = self.now.get(seat.index());
        now.is_some_and(|seat| seat.status == InputStatus::Disconnected)
    }

    /// Returns whether a condition on a seat's input is true in this tick, and was false in the tick
    /// before. In the first tick, the input before is the default.
    pub fn just_pressed(&self, seat: Seat, is_held: impl Fn(&I) -> bool) -> bool {
        is_held(self.get(seat)) && !is_held(self.get_before(seat))
    }

    /// Returns whether a condition on a seat's input is false in this tick, and was true in the tick
    /// before.
    pub fn just_released(&self, seat: Seat, is_held: impl Fn(&I) -> bool) -> bool {
        !is_held(self.get(seat)) && is_held(self.get_before(seat))
    }

    fn get_before(&self, seat: Seat) -> &I {
        self.before
            .get(seat.index())
            .map_or(&self.absent, |seat| &seat.input)
    }
}

impl<I: Input> Index<Seat> for Inputs<I> {
    type Output = I;

    /// Returns the input of a seat, like [`get`](Self::get).
    fn index(&self, seat: Seat) -> &I {
        self.get(seat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(input: u8) -> SeatInput<u8> {
        SeatInput {
            input,
            status: InputStatus::Confirmed,
        }
    }

    #[test]
    fn edges_compare_with_the_tick_before() {
        let mut inputs = Inputs::default();
        inputs.advance(&[input(1), input(0)]);
        let is_held = |input: &u8| *input != 0;
        assert!(inputs.just_pressed(Seat(0), is_held) && !inputs.just_pressed(Seat(1), is_held));
        inputs.advance(&[input(1), input(2)]);
        assert!(!inputs.just_pressed(Seat(0), is_held) && inputs.just_pressed(Seat(1), is_held));
        inputs.advance(&[input(0), input(2)]);
        assert!(inputs.just_released(Seat(0), is_held) && !inputs.just_released(Seat(1), is_held));
    }

    #[test]
    fn seat_that_does_not_exist_has_the_default_input() {
        let mut inputs = Inputs::default();
        inputs.advance(&[input(1)]);
        assert_eq!((inputs[Seat(0)], inputs[Seat(9)]), (1, 0));
        assert!(!inputs.is_disconnected(Seat(9)));
    }
}
