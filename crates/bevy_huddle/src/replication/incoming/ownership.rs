//! Ownership that has changed, and claims that have ended.

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_snapshot::{SnapshotEvent, id::EntityId};

use crate::{
    receive::apply::trigger::trigger,
    replication::{
        components::{LocallyOwned, Owner},
        encode::encode_again,
        events::{ClaimEnded, OwnershipChanged, ReplicationFailed},
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
                return;
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
    let Ok(mut owned) = world.get_entity_mut(entity) else {
        return;
    };
    let was_mine = owned.contains::<LocallyOwned>();
    match to {
        Some(peer_id) => owned.insert(Owner(peer_id)),
        None => owned.remove::<Owner>(),
    };
    match is_mine {
        true => owned.insert(LocallyOwned),
        false => owned.remove::<LocallyOwned>(),
    };
    if is_mine
        && !was_mine
        && let Err(error) = encode_again(world, room, (entity, id))
    {
        log::error!("{entity} is not replicated completely: {error}");
        trigger(world, ReplicationFailed { entity, error });
    }
    world.flush();
}
