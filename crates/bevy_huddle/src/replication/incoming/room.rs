//! The replication of a room begins and ends with its link.

use bevy::prelude::*;

use crate::{
    replication::{
        components::{LocallyOwned, Owner, PlacedId, ReplicationId},
        room::RoomReplication,
        rule::ReplicationRules,
    },
    room::link::RoomLink,
};

/// Prepares a new room for replicated entities.
pub(crate) fn on_link_added(
    added: On<Add, RoomLink>,
    links: Query<&RoomLink>,
    rules: Res<ReplicationRules>,
    mut commands: Commands,
) {
    if let Ok(link) = links.get(added.entity)
        && let Ok(mut room) = commands.get_entity(added.entity)
    {
        room.try_insert(RoomReplication {
            rules: rules.for_room(link.snapshots.layout()),
            ..default()
        });
    }
}

/// Ends the replication of a room that was left.
pub(crate) fn on_link_removed(removed: On<Remove, RoomLink>, mut commands: Commands) {
    if let Ok(mut room) = commands.get_entity(removed.entity) {
        room.try_remove::<RoomReplication>();
    }
}

/// Despawns the entities of the other peers. Those of the local peer and of the level stay, and enter the
/// next room.
pub(crate) fn on_replication_removed(
    removed: On<Remove, RoomReplication>,
    mut rooms: Query<&mut RoomReplication>,
    mut commands: Commands,
) {
    if let Ok(mut replication) = rooms.get_mut(removed.entity) {
        let replication = std::mem::take(&mut *replication);
        commands.queue(move |world: &mut World| clear(world, replication));
    }
}

fn clear(world: &mut World, replication: RoomReplication) {
    for entity in replication.entities.iter() {
        let Ok(mut entity) = world.get_entity_mut(entity) else {
            continue;
        };
        if entity.contains::<LocallyOwned>() || entity.contains::<PlacedId>() {
            entity.remove::<(ReplicationId, Owner, LocallyOwned)>();
        } else {
            entity.despawn();
        }
        world.flush();
    }
}
