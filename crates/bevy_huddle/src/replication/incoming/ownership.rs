//! Ownership that has changed, and claims that have ended.

use std::collections::BTreeSet;

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_snapshot::{SnapshotEvent, id::EntityId};

use super::undo::undo_changes;
use crate::{
    receive::apply::trigger::trigger,
    replication::{
        components::{Importance, LocallyOwned, Owner, VisibleTo},
        encode::encode_again,
        events::{ClaimEnded, OwnershipChanged, ReplicationFailed},
        received::Received,
        requests::send_request,
        room::RoomReplication,
    },
    room::link::RoomLink,
};

/// Handles an event about the ownership of an entity.
pub(super) fn handle(world: &mut World, room: Entity, event: SnapshotEvent) {
    match event {
        SnapshotEvent::OwnershipChanged { id, change } => {
            let Some(entity) = entity_of(world, room, id) else {
                return despawn_hidden(world, room, id, change.to);
            };
            set_owner(world, room, (id, entity), change.to);
            trigger(
                world,
                OwnershipChanged {
                    entity,
                    from: change.from,
                    to: change.to,
                    cause: change.cause,
                },
            );
        }
        SnapshotEvent::ClaimEnded { id, end } => {
            if let Some(entity) = entity_of(world, room, id) {
                let (operation, end) = (end.operation, end.end);
                trigger(
                    world,
                    ClaimEnded {
                        entity,
                        operation,
                        end,
                    },
                );
            }
        }
        SnapshotEvent::Request { id, owner } => send_request(world, room, id, owner),
        // `Batch` contains only events about ownership.
        SnapshotEvent::Spawned { .. }
        | SnapshotEvent::Changed { .. }
        | SnapshotEvent::Removed { .. } => {}
    }
}

/// Lets the settings of a new owner count.
fn touch_settings(entity: &mut EntityWorldMut) {
    if let Some(mut visible_to) = entity.get_mut::<VisibleTo>() {
        visible_to.set_changed();
    }
    if let Some(mut importance) = entity.get_mut::<Importance>() {
        importance.set_changed();
    }
}

/// Shows the game that an entity of the local peer is hidden from all others, because its previous owner hid
/// it from some peers.
pub(super) fn restrict(world: &mut World, room: Entity, (id, entity): (EntityId, Entity)) {
    let link = world.get::<RoomLink>(room);
    let is_restricted = link.is_some_and(|link| link.snapshots.is_restricted(id));
    if is_restricted
        && let Ok(mut owned) = world.get_entity_mut(entity)
        && !owned.contains::<VisibleTo>()
    {
        owned.insert(VisibleTo::Only(BTreeSet::new()));
    }
}

/// Despawns an entity on every peer that the local peer has inherited after the game despawned it.
fn despawn_hidden(world: &mut World, room: Entity, id: EntityId, to: Option<PeerId>) {
    let replication = world.get::<RoomReplication>(room);
    let is_hidden = replication.is_some_and(|replication| replication.entities.is_hidden(id));
    if let Some(mut link) = world.get_mut::<RoomLink>(room)
        && is_hidden
        && to == Some(link.local_id())
        && let Err(error) = link.snapshots.despawn(id)
    {
        log::debug!("an entity that was despawned here stays: {error}");
    }
}

fn entity_of(world: &World, room: Entity, id: EntityId) -> Option<Entity> {
    let replication = world.get::<RoomReplication>(room)?;
    let entity = replication.entities.entity(id)?;
    world.get_entity(entity).is_ok().then_some(entity)
}

fn set_owner(
    world: &mut World,
    room: Entity,
    (id, entity): (EntityId, Entity),
    to: Option<PeerId>,
) {
    let local_id = world.get::<RoomLink>(room).map(RoomLink::local_id);
    let is_mine = to.is_some() && to == local_id;
    let was_mine = world.get::<LocallyOwned>(entity).is_some();
    // Observers of each change may despawn the entity.
    if let Ok(mut owned) = world.get_entity_mut(entity) {
        match (to, is_mine) {
            (Some(peer_id), true) => drop(owned.insert((Owner(peer_id), LocallyOwned))),
            (Some(peer_id), false) => drop(owned.insert(Owner(peer_id))),
            (None, _) => drop(owned.remove::<Owner>()),
        }
    }
    if !is_mine && let Ok(mut owned) = world.get_entity_mut(entity) {
        owned.remove::<LocallyOwned>();
    }
    if is_mine
        && !was_mine
        && let Ok(mut owned) = world.get_entity_mut(entity)
    {
        touch_settings(&mut owned);
    }
    if was_mine && !is_mine {
        undo_changes(world, room, (id, entity));
        // What it refers to was encoded so far, and is decoded from now on.
        if let Some(received) = Received::find(world, room, id, 0) {
            received.find_references(world);
        }
    }
    if is_mine {
        restrict(world, room, (id, entity));
    }
    if is_mine
        && !was_mine
        && let Err(error) = encode_again(world, room, (entity, id))
    {
        log::error!("{entity} is not replicated completely: {error}");
        trigger(world, ReplicationFailed { entity, error });
    }
    world.flush();
}
