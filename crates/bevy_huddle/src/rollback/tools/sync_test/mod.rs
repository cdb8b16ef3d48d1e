//! The sync test: finds out what differs when a tick is simulated again, and what could let it differ.

mod outside;
mod trace;
mod unregistered;

use bevy::prelude::*;
use huddle_session::Tick;

use crate::rollback::{game::store::with_store, tools::difference::StateDifference};

pub(crate) use self::{outside::note_changes_outside, unregistered::Watch};

use self::trace::Trace;

/// The state of a running sync test.
#[derive(Resource, Default)]
struct SyncTestState {
    trace: Trace,
    /// The number of rollbacks, from which the order of entities is drawn.
    rollbacks: u64,
}

/// Forgets the match before.
pub(crate) fn clear_sync_test(world: &mut World) {
    world.insert_resource(SyncTestState::default());
}

/// The session compares the checksum of a saved state. If it differs from the first simulation, this notes what
/// differs.
pub(crate) fn trace_checksum(world: &mut World, tick: Tick, checksum: u64) {
    with_store(world, |store, world| {
        let mut state = world.get_resource_or_init::<SyncTestState>();
        state.trace.compare(store, tick, checksum);
    });
}

/// Returns what differs in the tick that was simulated twice.
pub(crate) fn take_difference(world: &mut World) -> StateDifference {
    let mut state = world.get_resource_or_init::<SyncTestState>();
    state.trace.take_difference()
}

/// Puts the entities into a random order. The order of entities in a query is unspecified, so the simulation must
/// not depend on it.
pub(crate) fn shuffle_entities(world: &mut World) {
    let mut state = world.get_resource_or_init::<SyncTestState>();
    state.rollbacks += 1;
    let mut random = fastrand::Rng::with_seed(state.rollbacks);
    with_store(world, |store, world| {
        store.shuffle_rows(world, || random.u64(..));
    });
}
