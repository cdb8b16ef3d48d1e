//! What is on its way from one side of a link to the other.

use std::time::Duration;

use crate::testing::network::{relation::LinkId, wire::Cargo};

/// Something on its way.
#[derive(Clone)]
pub(super) struct Flight {
    pub(super) link: LinkId,
    pub(super) from: usize,
    pub(super) cargo: Cargo,
    /// On its channel.
    pub(super) number: u64,
    /// How often it was sent in vain.
    pub(super) losses: u32,
}

/// Until something reliable that was lost is sent again: a second as in SCTP, then twice as long.
pub(super) fn retransmission_timeout(losses: u32) -> Duration {
    Duration::from_secs(1 << losses.min(2))
}
