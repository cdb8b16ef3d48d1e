//! Messages in flight from one side of a link to the other.

use std::time::Duration;

use crate::testing::network::{connection::LinkId, link::Message};

/// A message in flight.
#[derive(Clone)]
pub(super) struct Transmission {
    pub(super) link: LinkId,
    pub(super) from: usize,
    pub(super) message: Message,
    /// The message's number on its channel.
    pub(super) number: u64,
    /// The number of times that it was lost.
    pub(super) losses: u32,
}

/// Returns the time until a lost message is retransmitted: one second as in SCTP, then two, then
/// four.
pub(super) fn retransmission_timeout(losses: u32) -> Duration {
    Duration::from_secs(1 << losses.min(2))
}
