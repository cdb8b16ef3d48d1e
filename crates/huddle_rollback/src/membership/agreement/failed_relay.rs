//! A relay that does not deliver.

use std::time::Duration;

/// A relay that does not deliver.
#[derive(Debug, Clone, Copy)]
pub(super) struct FailedRelay {
    /// The time of the first report.
    pub(super) since: Duration,
    /// The time of the latest report.
    pub(super) last: Duration,
}
