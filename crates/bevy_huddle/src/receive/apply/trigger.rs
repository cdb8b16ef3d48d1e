//! Runs the observers of an event.

use bevy::prelude::*;

/// Runs the observers of an event, and what they commanded. Does nothing if an observer of an
/// earlier event has despawned the entity.
pub(crate) fn trigger<'t>(world: &mut World, event: impl EntityEvent<Trigger<'t>: Default>) {
    if world.get_entity(event.event_target()).is_ok() {
        world.trigger(event);
        world.flush();
    }
}

/// As [`trigger`], once the commands before it have run.
pub(crate) fn trigger_later(
    commands: &mut Commands,
    event: impl EntityEvent<Trigger<'static>: Default> + Send,
) {
    commands.queue(move |world: &mut World| trigger(world, event));
}
