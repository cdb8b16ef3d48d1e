//! The commands about entities of the level.

use bevy::{ecs::resource::IsResource, prelude::*};

use super::{
    components::{LocallyOwned, Owner, PlacedId, ReplicationId},
    events::{ReplicationError, ReplicationFailed},
    hierarchy::detach_replicated,
    room::RoomReplication,
};
use crate::receive::apply::trigger::trigger;

/// Adds commands about an entity of the level to [`EntityCommands`].
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{prelude::*, replication::*};
///
/// fn leave_level(level: Query<Entity, With<PlacedId>>, mut commands: Commands) {
///     for entity in &level {
///         commands.entity(entity).unload();
///     }
/// }
/// # bevy::ecs::system::assert_is_system(leave_level);
/// ```
pub trait LevelCommandsExt {
    /// Despawns an entity of the level on this machine only, no matter who owns it. On the other machines,
    /// it stays as it is, with its owner. If the game spawns an entity with the same [`PlacedId`] again, it
    /// takes the current values.
    ///
    /// A despawn by the owner despawns the entity on every peer, for good.
    fn unload(&mut self) -> &mut Self;
}

impl LevelCommandsExt for EntityCommands<'_> {
    fn unload(&mut self) -> &mut Self {
        let entity = self.id();
        self.commands()
            .queue(move |world: &mut World| unload(world, entity));
        self
    }
}

fn unload(world: &mut World, entity: Entity) {
    let Ok(unloaded) = world.get_entity(entity) else {
        return;
    };
    if !unloaded.contains::<PlacedId>() || unloaded.contains::<IsResource>() {
        let error = ReplicationError::NotPlaced;
        log::warn!("{entity} is not unloaded: {error}");
        return trigger(world, ReplicationFailed { entity, error });
    }
    if let Some(&ReplicationId { id, room }) = unloaded.get()
        && let Some(mut replication) = world.get_mut::<RoomReplication>(room)
    {
        // The session keeps the entity: neither the despawn nor the removals of its components are those of
        // its owner.
        replication.remove(id);
        if let Ok(mut entity) = world.get_entity_mut(entity) {
            entity.remove::<(ReplicationId, Owner, LocallyOwned)>();
        }
    }
    detach_replicated(world, entity);
    if let Ok(entity) = world.get_entity_mut(entity) {
        entity.despawn();
    }
}
