//! Large values that are lost with their previous owner.

use bevy::prelude::*;
use huddle_snapshot::{content::ContentKey, id::Creator};

use crate::{
    receive::apply::trigger::trigger,
    replication::{encode::encode_again, events::ReplicationFailed, room::RoomReplication},
    room::link::RoomLink,
};

/// Handles that no peer has a value of an entity that the local peer has taken over. The entity keeps its
/// older value. It is despawned if it has none.
pub(super) fn abandon(world: &mut World, room: Entity, key: ContentKey) {
    let id = key.entity;
    let link = world.get::<RoomLink>(room);
    if link.is_none_or(|link| link.snapshots.owner(id) != Some(link.local_id())) {
        return;
    }
    let replication = world.get::<RoomReplication>(room);
    let entity = replication.and_then(|replication| replication.entities.entity(id));
    match entity.filter(|entity| world.get_entity(*entity).is_ok()) {
        Some(entity) => {
            log::warn!(
                "{entity} keeps an older value: its previous owner left before it sent the newest"
            );
            if let Err(error) = encode_again(world, room, (entity, id)) {
                log::error!("{entity} is not replicated completely: {error}");
                trigger(world, ReplicationFailed { entity, error });
            }
        }
        // The game has unloaded it. Another machine may have its values.
        None if id.creator == Creator::Placed => {}
        None => {
            log::warn!("an entity is lost: its previous owner left before it sent all values");
            if let Some(mut link) = world.get_mut::<RoomLink>(room)
                && let Err(error) = link.snapshots.despawn(id)
            {
                log::debug!("the entity stays: {error}");
            }
        }
    }
}
