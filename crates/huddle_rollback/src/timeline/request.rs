use huddle_session::Tick;

use super::SeatInput;

/// An instruction to the game. The game executes requests in the order in which it receives them.
#[derive(Debug, PartialEq)]
pub enum Request<'a, I> {
    /// Save the current state, which is the state before `tick`. It replaces a state that was saved
    /// for this tick before.
    Save {
        /// The tick that is simulated next.
        tick: Tick,
        /// Whether a [`Request::Checksum`] for this state may follow. A game that computes the
        /// checksum while it saves needs to do so only for these states. A state that was saved
        /// without this flag is never compared.
        wants_checksum: bool,
    },
    /// Load the state that was saved for `tick`. It stays saved.
    Load {
        /// A tick that was saved and not released.
        tick: Tick,
    },
    /// Simulate a tick.
    Advance(Frame<'a, I>),
    /// The inputs of `tick` are final. Each tick of a match is reported exactly once, in order, after
    /// it has been simulated with these inputs. A recording of them replays the match.
    Confirmed {
        /// The tick.
        tick: Tick,
        /// The inputs of all seats. None of them is predicted.
        inputs: &'a [SeatInput<I>],
    },
    /// Pass the checksum of the state that was saved for `tick` to
    /// [`RollbackSession::checksum`](crate::session::RollbackSession::checksum). The state is final.
    Checksum {
        /// A tick that was saved and not released.
        tick: Tick,
    },
    /// Dump the state that was saved for `tick`, because it differs from that of another peer. Build a
    /// [`StateDump`](crate::StateDump), and pass it to
    /// [`RollbackSession::inspected`](crate::session::RollbackSession::inspected). Without the dump, the
    /// peers cannot determine the difference.
    Inspect {
        /// A tick that was saved and not released.
        tick: Tick,
    },
    /// Drop the state that was saved for `tick`.
    Release {
        /// A tick that was saved.
        tick: Tick,
    },
}

/// A tick to simulate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame<'a, I> {
    /// The tick.
    pub tick: Tick,
    /// The inputs of all seats.
    pub inputs: &'a [SeatInput<I>],
    /// Whether the tick was simulated before with other inputs. If so, the player has already seen and
    /// heard the effects of that simulation.
    pub is_resimulated: bool,
}
