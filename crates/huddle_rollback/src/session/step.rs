use super::error::InputError;
use crate::seat::SeatSet;

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The match has not started, is counting down to the first tick, or could not start.
    Idle,
    /// The match advances by a tick.
    Ran,
    /// The match waits for the inputs of these seats. The step may still resimulate ticks.
    Waited(SeatSet),
}

/// Errors of [`RollbackSession::step`](crate::RollbackSession::step).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StepError {
    /// The input of a local seat cannot be sent.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The game has not executed all requests of the last step.
    ///
    /// Without them, the state of the game would differ from those of the other peers.
    #[error(
        "requests of the last step are left: after every step, call `RollbackSession::request` and \
         execute each request until it returns `None`"
    )]
    RequestsLeft,
}
