//! Triggers events on entities that may have been despawned.

use bevy::prelude::*;

/// Triggers an event and applies the commands of its observers. Does nothing if the entity does not
/// exist, because an observer of an earlier event may have despawned it.
pub(crate) fn trigger<'t>(world: &mut World, event: impl EntityEvent<Trigger<'t>: Default>) {
    if world.get_entity(event.event_target()).is_ok() {
        world.trigger(event);
        world.flush();
    }
}

/// Queues a command that calls [`trigger`].
pub(crate) fn trigger_later(
    commands: &mut Commands,
    event: impl EntityEvent<Trigger<'static>: Default> + Send,
) {
    commands.queue(move |world: &mut World| trigger(world, event));
}
