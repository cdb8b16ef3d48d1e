//! Who has the values of a gift.

use std::{collections::BTreeSet, time::Duration};

use huddle_id::PeerId;

/// The peers that have the values of a gift to the local peer, and may not pass them on.
#[derive(Debug)]
pub(super) struct Holders {
    pub(super) peers: BTreeSet<PeerId>,
    /// The time at which the local peer learned of the first one.
    pub(super) since: Duration,
}
