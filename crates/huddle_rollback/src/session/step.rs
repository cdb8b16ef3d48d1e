use crate::seat::SeatSet;

/// What a step is going to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The players are not all ready, count down to the first tick, or could not begin.
    Idle,
    /// The game goes on by a tick.
    Ran,
    /// The inputs of these seats have to arrive first. What they did up to now may be simulated
    /// again.
    Waited(SeatSet),
}
