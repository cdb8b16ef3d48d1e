//! Where the vote that is under way stands.

use std::time::Duration;

use super::event::LeaveReason;
use crate::seat::Seat;

/// How long nobody votes against somebody who is no more than silent. After half of it, others may
/// have voted.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// Where the vote that is under way stands.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) voted: Duration,
    pub(super) confirmed: Duration,
    /// What the confirmed votes come to.
    pub(super) outcome: Vec<Outcome>,
}

/// How a seat ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) seat: Seat,
    pub(super) next: u32,
    pub(super) reason: LeaveReason,
    /// What the own log lacks.
    pub(super) inputs: Vec<Vec<u8>>,
}

/// Until when a seat was played, and why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) next: u32,
    pub(super) reason: LeaveReason,
}
