//! Triggers events on entities that may be gone.

use bevy::prelude::*;

/// Triggers an event and applies the commands of its observers. Does nothing if an observer of an
/// earlier event despawned the entity.
pub(crate) fn trigger<'t>(world: &mut World, event: impl EntityEvent<Trigger<'t>: Default>) {
    if world.get_entity(event.event_target()).is_ok() {
        world.trigger(event);
        world.flush();
    }
}

/// Calls [`trigger`] after the commands that are queued before it.
pub(crate) fn trigger_later(
    commands: &mut Commands,
    event: impl EntityEvent<Trigger<'static>: Default> + Send,
) {
    commands.queue(move |world: &mut World| trigger(world, event));
}
