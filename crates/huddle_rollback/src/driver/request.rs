use huddle_session::Tick;

use super::SeatInput;

/// Something the game has to do, in the order in which it is asked for.
#[derive(Debug, PartialEq)]
pub enum Request<'a, I> {
    /// Save the state as it is now, which is before `tick`. If it was saved for that tick before,
    /// this takes its place.
    Save {
        /// The tick that is simulated next.
        tick: Tick,
    },
    /// Go back to the state that was saved for `tick`, which stays saved.
    Load {
        /// A tick that was saved and not released.
        tick: Tick,
    },
    /// Simulate a tick.
    Advance(Frame<'a, I>),
    /// Say the checksum of the state that was saved for `tick`, which is final: give it to
    /// [`RollbackSession::checksum`](crate::session::RollbackSession::checksum).
    Checksum {
        /// A tick that was saved and not released.
        tick: Tick,
    },
    /// The state saved for `tick` is not needed any more.
    Release {
        /// A tick that was saved.
        tick: Tick,
    },
}

/// A tick to simulate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame<'a, I> {
    /// Which.
    pub tick: Tick,
    /// What the players do, by seat.
    pub inputs: &'a [SeatInput<I>],
    /// Whether the tick has been simulated before, with other inputs: what is heard and seen of it
    /// has been heard and seen.
    pub is_repeated: bool,
}
