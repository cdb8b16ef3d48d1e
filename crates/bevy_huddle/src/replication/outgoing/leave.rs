//! Entities that the game despawns, or no longer replicates.

use bevy::prelude::*;

use crate::{
    peer::components::Peer,
    receive::apply::trigger::trigger_later,
    replication::{
        components::{LocallyOwned, NotReplicated, Owner, PlacedId, Replicated, ReplicationId},
        events::{ReplicationError, ReplicationFailed},
        room::RoomReplication,
    },
    rollback::world::Rollback,
    room::link::RoomLink,
};

/// Ends the replication of an entity that becomes part of a match.
pub(crate) fn on_rollback_added(
    added: On<Add, Rollback>,
    replicated: Query<(), With<ReplicationId>>,
    mut commands: Commands,
) {
    let entity = added.entity;
    if replicated.contains(entity) {
        let error = ReplicationError::RolledBack;
        log::error!("{entity} is no longer replicated: {error}");
        if let Ok(mut entity) = commands.get_entity(entity) {
            entity.try_remove::<Replicated>();
        }
        trigger_later(&mut commands, ReplicationFailed { entity, error });
    }
}

/// Marks an entity that the game has spawned. It belongs to the local peer, even before it is in a room.
/// An entity of the level belongs to nobody.
pub(crate) fn on_replicated_added(
    added: On<Add, Replicated>,
    new: Query<(), (Without<ReplicationId>, Without<PlacedId>)>,
    mut commands: Commands,
) {
    if new.contains(added.entity)
        && let Ok(mut entity) = commands.get_entity(added.entity)
    {
        entity.try_insert(LocallyOwned);
    }
}

/// Despawns an entity on the other peers if the local peer owns it, and hides it otherwise.
pub(crate) fn on_replicated_removed(
    removed: On<Remove, Replicated>,
    ids: Query<(&ReplicationId, Has<Peer>)>,
    mut rooms: Query<(&mut RoomLink, &mut RoomReplication)>,
    mut commands: Commands,
) {
    let entity = removed.entity;
    if let Ok(mut entity) = commands.get_entity(entity) {
        // With other components, it may succeed.
        entity.try_remove::<(NotReplicated, ReplicationId, Owner, LocallyOwned)>();
    }
    let Ok((&ReplicationId { id, room }, is_peer)) = ids.get(entity) else {
        return;
    };
    let Ok((mut link, mut replication)) = rooms.get_mut(room) else {
        return;
    };
    if replication.entities.entity(id) != Some(entity) {
        // The session has removed it.
        return;
    }
    // The session knows about a claim before the entity is marked.
    let is_mine = link.snapshots.owner(id) == Some(link.local_id());
    if is_mine {
        replication.remove(id);
        if let Err(error) = link.snapshots.despawn(id) {
            log::warn!("{entity} was despawned here only: {error}");
        }
    } else if is_peer {
        // The peer left.
        replication.remove(id);
    } else {
        replication.entities.hide(id);
        log::warn!(
            "{entity} was despawned here only, because this peer does not own it: its owner can despawn it on every peer"
        );
    }
}
