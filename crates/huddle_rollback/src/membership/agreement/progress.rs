//! The progress of the current vote.

use std::time::Duration;

use super::event::LeaveReason;
use crate::seat::Seat;

/// The grace period: the time for which a loss by timeout does not count. After half of this time, other
/// members may have voted because of the loss.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// The progress of the current vote.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) voted: Duration,
    pub(super) confirmed: Duration,
    /// The result of the confirmed votes.
    pub(super) outcome: Vec<Outcome>,
}

/// How a seat ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) seat: Seat,
    pub(super) next: u32,
    pub(super) reason: LeaveReason,
    /// The inputs that the local log lacks.
    pub(super) inputs: Vec<Vec<u8>>,
}

/// The first tick without an input of a seat, and the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) next: u32,
    pub(super) reason: LeaveReason,
}
