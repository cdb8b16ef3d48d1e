//! What registered types do at certain points of a match.

use bevy::prelude::*;

/// A function of a registered type.
pub(crate) type Hook = fn(&mut World);

/// The functions of registered resources, states and messages.
#[derive(Resource, Default)]
pub(crate) struct MatchHooks {
    /// Run when a match starts, before the systems of [`RollbackStart`](crate::rollback::RollbackStart).
    pub(crate) reset: Vec<Hook>,
    /// Run after the systems of [`RollbackStart`](crate::rollback::RollbackStart).
    pub(crate) started: Vec<Hook>,
    /// Run before the systems of a tick.
    pub(crate) begin_tick: Vec<Hook>,
    /// Run after the systems of a tick.
    pub(crate) end_tick: Vec<Hook>,
}

/// Runs some of the functions.
pub(crate) fn run_hooks(world: &mut World, hooks: fn(&MatchHooks) -> &Vec<Hook>) {
    let count = world
        .get_resource::<MatchHooks>()
        .map(hooks)
        .map_or(0, Vec::len);
    for i in 0..count {
        let hook = hooks(world.resource::<MatchHooks>())[i];
        hook(world);
    }
}
