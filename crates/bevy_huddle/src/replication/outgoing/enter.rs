//! Entities that the game has marked enter the session of their room.

use std::collections::BTreeSet;

use bevy::{
    ecs::{entity::EntityHashSet, resource::IsResource},
    prelude::*,
};
use huddle_snapshot::{NewEntity, id::EntityId};

use crate::{
    peer::components::PeerOf,
    receive::apply::trigger::trigger,
    replication::{
        components::{
            Importance, LocallyOwned, NotReplicated, OnOwnerLeft, Owner, OwnershipPolicy, PlacedId,
            Replicated, ReplicationId, VisibleTo,
        },
        encode::{encode_again, encode_all},
        events::{ReplicationError, ReplicationFailed},
        received::{Marks, Received},
        resource::FIRST_RESOURCE,
        room::RoomReplication,
    },
    rollback::world::Rollback,
    room::{components::Rooms, link::RoomLink},
};

type NewEntities = QueryState<
    Entity,
    (
        With<Replicated>,
        Without<ReplicationId>,
        Without<NotReplicated>,
    ),
>;

/// Brings new entities into the room.
pub(crate) fn enter(world: &mut World, new: &mut NewEntities, mut found: Local<Vec<Entity>>) {
    found.clear();
    found.extend(new.iter(world));
    let mut rooms = EntityHashSet::new();
    for &entity in &*found {
        let Some(room) = room_of(world, entity) else {
            continue;
        };
        rooms.insert(room);
        match enter_entity(world, room, entity) {
            Ok(()) => {}
            Err(error) => {
                log::error!("{entity} is not replicated: {error}");
                world.entity_mut(entity).insert(NotReplicated);
                trigger(world, ReplicationFailed { entity, error });
            }
        }
    }
    for room in rooms {
        resolve_references(world, room);
    }
}

/// Encodes the components again that refer to an entity which has an id now.
fn resolve_references(world: &mut World, room: Entity) {
    let Some(mut replication) = world.get_mut::<RoomReplication>(room) else {
        return;
    };
    let RoomReplication {
        entities,
        without_id,
        ..
    } = &mut *replication;
    let ready = without_id.take_ready(|entity| entities.id(entity).is_some());
    let referrers = ready
        .iter()
        .filter_map(|(id, _)| Some((entities.entity(*id)?, *id)));
    let referrers: BTreeSet<_> = referrers.collect();
    for referrer in referrers {
        if let Err(error) = encode_again(world, room, referrer) {
            log::error!(
                "the references of {} are not replicated: {error}",
                referrer.0
            );
        }
    }
}

/// Returns the room that an entity enters: that of the local peer, or the one that was joined first.
fn room_of(world: &World, entity: Entity) -> Option<Entity> {
    let is_ready = |room: &Entity| world.get::<RoomReplication>(*room).is_some();
    match world.get::<PeerOf>(entity) {
        Some(&PeerOf(room)) => Some(room).filter(is_ready),
        None => world.resource::<Rooms>().iter().copied().find(is_ready),
    }
}

fn enter_entity(world: &mut World, room: Entity, entity: Entity) -> Result<(), ReplicationError> {
    let Some(replication) = world.get::<RoomReplication>(room) else {
        return Ok(());
    };
    let spawned = world.entity(entity);
    let policy = spawned
        .get::<OwnershipPolicy>()
        .copied()
        .unwrap_or_default();
    let mut new = NewEntity::new(policy.policy());
    if let Some(on_left) = spawned.get::<OnOwnerLeft>() {
        new.owner_gone = on_left.rule();
    }
    if spawned.contains::<Rollback>() {
        return Err(ReplicationError::RolledBack);
    }
    let visible_to = spawned.get::<VisibleTo>();
    if policy == OwnershipPolicy::Host && visible_to.is_some_and(|it| *it != VisibleTo::All) {
        return Err(ReplicationError::HostVisibility);
    }
    let visible_to = visible_to.map(VisibleTo::visibility);
    let importance = spawned.get::<Importance>().copied();
    let placed = spawned.get::<PlacedId>().copied();
    if let Some(PlacedId(number)) = placed
        && (number >= FIRST_RESOURCE) != spawned.contains::<IsResource>()
    {
        return Err(ReplicationError::PlacedId(number));
    }
    let values = encode_all(replication, spawned)?;
    let wire: Vec<_> = values
        .iter()
        .map(|(id, value)| (*id, value.value()))
        .collect();
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return Ok(());
    };
    let local_id = link.local_id();
    let session = &mut link.snapshots;
    let id = match placed {
        None => session.spawn(new, &wire)?,
        Some(PlacedId(number)) => session.place(new.policy, number, &wire)?,
    };
    // Nothing is sent before the end of the tick.
    if let Some(visible_to) = visible_to {
        session.set_visibility(id, visible_to)?;
    }
    if let Some(importance) = importance {
        session.set_importance(id, importance.0)?;
    }
    if let Some(mut replication) = world.get_mut::<RoomReplication>(room) {
        replication.entities.insert(id, entity);
        replication.wait_for_ids(id, &values);
    }
    match placed {
        None => {
            let marks = (ReplicationId { id, room }, Owner(local_id), LocallyOwned);
            world.entity_mut(entity).insert(marks);
        }
        Some(_) => enter_placed(world, room, id),
    }
    Ok(())
}

/// Gives an entity of the level the values and the owner that the other peers know.
fn enter_placed(world: &mut World, room: Entity, id: EntityId) {
    let link = world.get::<RoomLink>(room);
    let tick = link.map_or(0, |link| link.session.tick().0);
    let Some(received) = Received::find(world, room, id, tick) else {
        return;
    };
    let (Some(link), Ok(entity)) = (
        world.get::<RoomLink>(room),
        world.get_entity(received.entity),
    ) else {
        return;
    };
    let Some(components) = link.snapshots.components(id) else {
        // A peer has despawned it.
        if let Some(mut replication) = world.get_mut::<RoomReplication>(room) {
            replication.remove(id);
        }
        world.despawn(received.entity);
        return;
    };
    let owner = link.snapshots.owner(id);
    let marks = Marks {
        is_mine: owner == Some(link.local_id()),
        owner: owner.map(Owner),
    };
    let existing = received.rules.components_of(entity);
    received.remove(world, existing.without(components));
    received.insert(world, components.without(existing), Some(marks));
    received.set(world, existing.without(existing.without(components)));
}
