//! Removes entities that their owner has despawned or hidden, or that left with their owner.

use bevy::{ecs::resource::IsResource, prelude::*};
use huddle_snapshot::{RemovalReason, id::EntityId};

use crate::replication::{
    components::{LocallyOwned, Owner, PeerEntity, Replicated, ReplicationId},
    hierarchy::detach_replicated,
    room::RoomReplication,
};

/// Removes an entity from the world.
pub(super) fn remove(world: &mut World, room: Entity, id: EntityId, reason: RemovalReason) {
    let Some(mut replication) = world.get_mut::<RoomReplication>(room) else {
        return;
    };
    let rules = replication.rules.clone();
    let Some(entity) = replication.remove(id) else {
        return;
    };
    log::debug!("{entity} ({id:?}) is removed: {reason:?}");
    if world.get::<PeerEntity>(entity).is_some() {
        // The entity of a peer belongs to the room.
        remove_marks(world, entity);
        rules.remove_all(world, entity);
    } else if world.get::<IsResource>(entity).is_some() {
        // A resource keeps its value, because systems need it.
        remove_marks(world, entity);
    } else {
        detach_replicated(world, entity);
        if let Ok(entity) = world.get_entity_mut(entity) {
            entity.despawn();
        }
    }
    world.flush();
}

fn remove_marks(world: &mut World, entity: Entity) {
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        entity.remove::<(Replicated, ReplicationId, Owner, LocallyOwned)>();
    }
}
