//! The relays that are in use, and those that failed.

use std::{collections::BTreeMap, time::Duration};

use super::members::Number;

#[derive(Debug, Default)]
pub(super) struct Relays {
    /// Which ways were found not to deliver: by whom, whose.
    pub(super) failed: BTreeMap<(Number, Number), Failed>,
    /// What is passed on: to whom, whose.
    pub(super) served: BTreeMap<(Number, Number), Vec<u32>>,
}

/// Since when a way does not deliver, and when that was said last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed {
    pub(super) since: Duration,
    pub(super) last: Duration,
}

impl Relays {
    /// Whether something is passed on, or has been found not to be.
    pub(super) fn is_at_work(&self) -> bool {
        !self.failed.is_empty() || !self.served.is_empty()
    }
}
