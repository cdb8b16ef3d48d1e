//! Entities that the game has marked enter the session of their room.

use bevy::{
    ecs::{entity::EntityHashSet, resource::IsResource},
    prelude::*,
};
use huddle_snapshot::{NewEntity, content::ContentKey, id::EntityId};

use crate::{
    peer::components::PeerOf,
    receive::apply::trigger::trigger,
    replication::{
        components::{
            Importance, LocallyOwned, NotReplicated, OnOwnerLeft, Owner, OwnershipPolicy, PlacedId,
            Replicated, ReplicationId, VisibleTo,
        },
        encode::encode_all,
        events::{ReplicationError, ReplicationFailed},
        received::{Marks, Received},
        resolve::resolve_references,
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
    if world.resource::<Rooms>().is_empty() {
        return;
    }
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
                if let Ok(mut entity) = world.get_entity_mut(entity) {
                    entity.insert(NotReplicated);
                }
                trigger(world, ReplicationFailed { entity, error });
            }
        }
    }
    for room in rooms {
        resolve_references(world, room);
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
    // An observer of an entity before it may have despawned it.
    let Ok(spawned) = world.get_entity(entity) else {
        return Ok(());
    };
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
    let is_claimable = matches!(policy, OwnershipPolicy::ByTouch | OwnershipPolicy::Host);
    if placed.is_some() && !is_claimable {
        return Err(ReplicationError::PlacedPolicy(policy));
    }
    if let Some(PlacedId(number)) = placed
        && (number >= FIRST_RESOURCE) != spawned.contains::<IsResource>()
    {
        return Err(ReplicationError::PlacedId(number));
    }
    let mut values = encode_all(replication, spawned)?;
    let wire: Vec<_> = values
        .iter()
        .map(|(id, value)| (*id, value.value()))
        .collect();
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return Ok(());
    };
    let link = &mut *link;
    let local_id = link.local_id();
    let session = &mut link.snapshots;
    let id = match placed {
        None => session.spawn(new, &wire)?,
        Some(PlacedId(number)) => session.place(new.policy, number, &wire)?,
    };
    for (component, value) in &mut values {
        // An entity of the level may have another value already.
        if session.get(id, *component) == Some(value.value()) {
            let key = ContentKey {
                entity: id,
                component: *component,
            };
            value.set_content(key, &mut link.large.contents);
        }
    }
    let taken = world
        .get::<RoomReplication>(room)
        .and_then(|replication| replication.entities.entity(id));
    if let (Some(PlacedId(number)), Some(taken)) = (placed, taken)
        && world.get_entity(taken).is_ok()
    {
        return Err(ReplicationError::DuplicatePlacedId(number));
    }
    // Nothing is sent before the end of the tick. A peer may have despawned an entity of the level.
    if let Some(mut link) = world.get_mut::<RoomLink>(room)
        && link.snapshots.components(id).is_some()
    {
        if let Some(visible_to) = visible_to {
            link.snapshots.set_visibility(id, visible_to)?;
        }
        if let Some(importance) = importance {
            link.snapshots.set_importance(id, importance.0)?;
        }
    }
    if let Some(mut replication) = world.get_mut::<RoomReplication>(room) {
        replication.entities.insert(id, entity);
        replication.set_sent(id, &values);
    }
    match placed {
        None => {
            let marks = (ReplicationId { id, room }, Owner(local_id), policy);
            if let Ok(mut entity) = world.get_entity_mut(entity) {
                entity.insert(marks);
            }
        }
        Some(_) => {
            if let Some(mut link) = world.get_mut::<RoomLink>(room) {
                let RoomLink {
                    snapshots, large, ..
                } = &mut *link;
                large.enter_placed(snapshots, id);
            }
            enter_placed(world, room, id);
        }
    }
    Ok(())
}

/// Gives an entity of the level the values and the owner that the other peers know.
fn enter_placed(world: &mut World, room: Entity, id: EntityId) {
    // Any value that arrives is newer.
    let tick = 0;
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
        let entity = received.entity;
        log::info!(
            "{entity} is despawned, because another peer has despawned this entity of the level"
        );
        if let Ok(entity) = world.get_entity_mut(entity)
            && !entity.contains::<IsResource>()
        {
            entity.despawn();
        }
        return;
    };
    let (Some(rules), owner) = (link.snapshots.rules(id), link.snapshots.owner(id)) else {
        return;
    };
    let marks = Marks {
        is_mine: owner == Some(link.local_id()),
        rules,
        owner: owner.map(Owner),
    };
    let existing = received.rules.components_of(entity);
    if !marks.is_mine
        && let Ok(mut entity) = world.get_entity_mut(received.entity)
    {
        entity.remove::<LocallyOwned>();
    }
    received.remove(world, existing.without(components));
    received.insert(world, components.without(existing), Some(marks));
    received.set(world, existing.without(existing.without(components)));
}
