//! The players that have no link to the local peer when a match starts.

use std::{collections::BTreeSet, time::Duration};

use huddle_session::PeerId;

/// The players of the running match from which no data has arrived directly.
#[derive(Debug, Default)]
pub(super) struct Unlinked {
    pub(super) peers: BTreeSet<PeerId>,
    /// The time at which these players count as having no link. `None` after that.
    pub(super) due: Option<Duration>,
}
