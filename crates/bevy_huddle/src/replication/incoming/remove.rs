//! Removes entities that their owner has despawned or hidden, or that left with their owner.

use bevy::{ecs::resource::IsResource, prelude::*};
use huddle_snapshot::{RemovalReason, id::EntityId};

use crate::replication::{
    components::{LocallyOwned, Owner, PeerEntity, Replicated, ReplicationId},
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
    let is_kept =
        |entity: EntityRef| entity.contains::<PeerEntity>() || entity.contains::<IsResource>();
    if world.get_entity(entity).is_ok_and(is_kept) {
        // The entity of a peer belongs to the room, and that of a resource to Bevy.
        if let Ok(mut peer) = world.get_entity_mut(entity) {
            rules.remove_all(&mut peer);
            peer.remove::<(Replicated, ReplicationId, Owner, LocallyOwned)>();
        }
    } else {
        detach_replicated(world, entity);
        if let Ok(entity) = world.get_entity_mut(entity) {
            entity.despawn();
        }
    }
    world.flush();
}

/// Detaches the replicated descendants of an entity. Their owner decides when they are despawned.
fn detach_replicated(world: &mut World, entity: Entity) {
    let children = world.get::<Children>(entity);
    let children: Vec<_> = children.into_iter().flatten().copied().collect();
    for child in children {
        if world.get::<ReplicationId>(child).is_some() {
            if let Ok(mut child) = world.get_entity_mut(child) {
                child.remove::<ChildOf>();
            }
        } else {
            detach_replicated(world, child);
        }
    }
}
