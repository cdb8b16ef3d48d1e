use huddle_session::Tick;

use crate::seat::Seat;

/// The known inputs of each seat, encoded. The agreement reads the inputs that other members may
/// lack, and appends the inputs that votes include.
pub(crate) trait Logs {
    /// Returns the tick after the last known input.
    fn next(&self, seat: Seat) -> Tick;

    /// Returns the first tick whose input is kept. All inputs that a member may lack must be kept.
    fn first(&self, seat: Seat) -> Tick;

    /// Returns the input of a tick from [`first`](Self::first) to before [`next`](Self::next).
    fn input(&self, seat: Seat, tick: Tick) -> Option<&[u8]>;

    /// Appends the final input of tick [`next`](Self::next). Also called for frozen seats, once
    /// their end is decided.
    fn append(&mut self, seat: Seat, input: &[u8]);

    /// Makes [`append`](Self::append) the only source of inputs. Inputs from the player or a relay
    /// are ignored from now on.
    fn freeze(&mut self, seat: Seat);
}
