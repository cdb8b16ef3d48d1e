//! Undoes changes that came too late.

use bevy::prelude::*;
use huddle_snapshot::{ComponentSet, id::EntityId};

use crate::{
    replication::{encode::encode_all, received::Received, room::RoomReplication},
    room::link::RoomLink,
};

/// Gives an entity that the local peer has just lost the values of its new owner.
///
/// The game may have changed components after the entity had a new owner, and before it noticed. The new
/// owner does not know these changes, and may never send another value.
pub(super) fn undo_changes(world: &mut World, room: Entity, (id, entity): (EntityId, Entity)) {
    let (Some(replication), Some(link), Ok(lost)) = (
        world.get::<RoomReplication>(room),
        world.get::<RoomLink>(room),
        world.get_entity(entity),
    ) else {
        return;
    };
    let (Some(shared), Ok(local)) = (link.snapshots.components(id), encode_all(replication, lost))
    else {
        return;
    };
    let has_shared_value = |component| {
        let shared = link.snapshots.get(id, component);
        local
            .iter()
            .any(|(it, value)| *it == component && shared == Some(value.value()))
    };
    let changed: ComponentSet = shared.iter().filter(|it| !has_shared_value(*it)).collect();
    let added: ComponentSet = local.iter().map(|(component, _)| *component).collect();
    if let Some(received) = Received::find(world, room, id, 0) {
        received.remove(world, added.without(shared));
        received.insert_or_set(world, changed);
    }
}
