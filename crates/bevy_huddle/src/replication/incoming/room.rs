//! The replication of a room begins and ends with its link.

use bevy::prelude::*;

use crate::{
    peer::{components::Peer, events::PeerLeft},
    replication::{
        components::{LocallyOwned, OnOwnerLeft, Owner, OwnershipPolicy, PlacedId, ReplicationId},
        hierarchy::detach_replicated,
        room::RoomReplication,
        rule::ReplicationRules,
    },
    room::link::RoomLink,
};

/// Prepares a new room for replicated entities.
pub(crate) fn on_link_added(
    added: On<Add, RoomLink>,
    mut links: Query<&mut RoomLink>,
    rules: Res<ReplicationRules>,
    mut commands: Commands,
) {
    if let Ok(mut link) = links.get_mut(added.entity)
        && let Ok(mut room) = commands.get_entity(added.entity)
    {
        let rules = rules.for_room(link.snapshots.layout());
        link.large.components = rules.large();
        room.try_insert(RoomReplication { rules, ..default() });
    }
}

/// Ends the replication of a room that was left.
pub(crate) fn on_link_removed(
    removed: On<Remove, RoomLink>,
    mut rooms: Query<&mut RoomReplication>,
    mut commands: Commands,
) {
    if let Ok(mut replication) = rooms.get_mut(removed.entity) {
        let replication = std::mem::take(&mut *replication);
        commands.queue(move |world: &mut World| clear(world, replication));
    }
    if let Ok(mut room) = commands.get_entity(removed.entity) {
        room.try_remove::<RoomReplication>();
    }
}

/// Detaches replicated entities from the entity of a peer, which the room despawns.
pub(crate) fn on_peer_left(left: On<PeerLeft>, mut commands: Commands) {
    let entity = left.entity;
    commands.queue(move |world: &mut World| detach_replicated(world, entity));
}

fn clear(world: &mut World, replication: RoomReplication) {
    for entity in replication.entities.iter() {
        detach_replicated(world, entity);
        let Ok(mut entity) = world.get_entity_mut(entity) else {
            continue;
        };
        if !is_kept(&entity, replication.has_met_peers) {
            entity.despawn();
        } else if entity.contains::<PlacedId>() {
            entity.remove::<(ReplicationId, Owner, LocallyOwned)>();
        } else {
            entity.remove::<(ReplicationId, Owner)>();
        }
        world.flush();
    }
}

/// Returns `true` if an entity stays when its room is left: if it belongs to the level, the room or the
/// local peer. What other peers inherit stays in the room instead.
fn is_kept(entity: &EntityWorldMut, has_met_peers: bool) -> bool {
    let policy = entity.get::<OwnershipPolicy>();
    let passes_on = match entity.get::<OnOwnerLeft>() {
        Some(on_left) => *on_left == OnOwnerLeft::PassOn,
        None => policy.is_some_and(|policy| *policy != OwnershipPolicy::Fixed),
    };
    let is_own = entity.contains::<LocallyOwned>() && !(passes_on && has_met_peers);
    is_own || entity.contains::<PlacedId>() || entity.contains::<Peer>()
}
