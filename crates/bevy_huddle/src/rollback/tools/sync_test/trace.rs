//! Keeps the values of the first simulation of each tick.

use std::collections::BTreeMap;

use huddle_rollback::StateDump;
use huddle_session::Tick;

use crate::rollback::{
    tools::{difference::StateDifference, dump::local_dump},
    world::WorldStore,
};

/// The number of ticks whose values are kept: the longest rollback of a sync test, and one more.
const MAX_TICKS: usize = 65;

/// The values of the last ticks, when they were first simulated with their final inputs.
#[derive(Default)]
pub(super) struct Trace {
    ticks: BTreeMap<u32, (u64, StateDump)>,
    difference: Option<StateDifference>,
}

impl Trace {
    /// Keeps the first state of a tick, or compares a later one with it.
    pub(super) fn compare(&mut self, store: &mut WorldStore, tick: Tick, checksum: u64) {
        if let Some((first, dump)) = self.ticks.get(&tick.0) {
            if *first != checksum && self.difference.is_none() {
                let again = local_dump(store, tick);
                self.difference = Some(StateDifference::new(dump, &again));
            }
            return;
        }
        let dump = local_dump(store, tick);
        self.ticks.insert(tick.0, (checksum, dump));
        if self.ticks.len() > MAX_TICKS {
            self.ticks.pop_first();
        }
    }

    pub(super) fn take_difference(&mut self) -> StateDifference {
        self.ticks.clear();
        self.difference.take().unwrap_or_default()
    }
}
