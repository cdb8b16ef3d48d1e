//! The players that have no direct link when a match starts.

use std::{collections::BTreeSet, time::Duration};

use huddle_session::PeerId;

/// The players of the running match from which nothing has come directly.
#[derive(Debug, Default)]
pub(super) struct Unlinked {
    pub(super) peers: BTreeSet<PeerId>,
    /// When they are found to have no link, until then.
    pub(super) due: Option<Duration>,
}
