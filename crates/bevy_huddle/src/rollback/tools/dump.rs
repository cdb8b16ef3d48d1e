//! The values of a saved state, for comparison.

use huddle_rollback::StateDump;
use huddle_session::Tick;

use crate::rollback::world::{RollbackId, WorldStore};

/// The maximum number of values in a dump.
const MAX_ROWS: usize = 10_000;

/// Returns the values of all compared types in a saved state.
pub(crate) fn state_dump(store: &mut WorldStore, tick: Tick) -> StateDump {
    let mut dump = StateDump::new();
    for row in store.dump(tick, MAX_ROWS) {
        let entity = row.id.map_or(StateDump::NO_ENTITY, RollbackId::get);
        dump.add(row.type_name, entity, row.hash, Some(row.text));
    }
    dump
}

/// Returns the values like [`state_dump`], and the entities as the type `Rollback`, so that entities without a
/// registered component are compared, too.
pub(super) fn local_dump(store: &mut WorldStore, tick: Tick) -> StateDump {
    let mut dump = state_dump(store, tick);
    for id in store.entities(tick) {
        dump.add("Rollback", id.get(), 0, None);
    }
    dump
}
