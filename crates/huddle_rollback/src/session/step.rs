use super::error::InputError;
use crate::seat::SeatSet;

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The match has not started, is counting down to the first tick, or could not start.
    Idle,
    /// The match advances by a tick.
    Ran,
    /// The match waits for the inputs of these seats. Ticks may be resimulated nevertheless.
    Waited(SeatSet),
}

/// The error for a step that did not take place.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StepError {
    /// The input of a local seat cannot be sent.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The last step has requests that the game has not executed.
    ///
    /// If they were skipped, the game's state would differ from those of the other peers.
    #[error(
        "the last step has requests left: call `RollbackSession::request` and execute the request \
         until it returns `None`, after every step"
    )]
    RequestsLeft,
}
