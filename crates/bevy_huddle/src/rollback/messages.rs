//! Messages between the systems of a tick.

use bevy::prelude::*;

use crate::rollback::hooks::MatchHooks;

/// Registers a type of messages whose lifetime is a tick.
///
/// Nothing has to be saved: the messages of a tick are gone when the next one begins. The count of messages is
/// never set back, so the cursors of readers stay right in a rollback.
pub(crate) fn register<M: Message>(world: &mut World) {
    world.init_resource::<Messages<M>>();
    let mut hooks = world.get_resource_or_init::<MatchHooks>();
    // Messages that were written outside of the simulation differ between the players.
    hooks.begin_tick.push(clear::<M>);
    hooks.end_tick.push(clear::<M>);
}

fn clear<M: Message>(world: &mut World) {
    world.resource_mut::<Messages<M>>().clear();
}
