//! Encodes all components of an entity of the local peer.

use bevy::prelude::*;
use huddle_snapshot::{ComponentId, content::ContentKey, id::EntityId};

use crate::{
    replication::{codec::ValueBuffer, events::ReplicationError, room::RoomReplication},
    room::link::RoomLink,
};

/// Encodes all components of an entity.
pub(crate) fn encode_all(
    replication: &RoomReplication,
    entity: EntityRef,
) -> Result<Vec<(ComponentId, ValueBuffer)>, ReplicationError> {
    let mut values = Vec::new();
    for (id, rule) in replication.rules.iter() {
        let mut value = ValueBuffer::default();
        let name = rule.name();
        let has_value = rule
            .encode(entity, &mut value)
            .map_err(|error| ReplicationError::encode(name, error))?;
        if has_value {
            value
                .finish(&replication.entities)
                .map_err(|error| ReplicationError::encode(name, error))?;
            values.push((id, value));
        }
    }
    Ok(values)
}

/// Brings the session up to date with an entity that the local peer owns.
pub(crate) fn encode_again(
    world: &mut World,
    room: Entity,
    (entity, id): (Entity, EntityId),
) -> Result<(), ReplicationError> {
    let Some(replication) = world.get::<RoomReplication>(room) else {
        return Ok(());
    };
    let Ok(owned) = world.get_entity(entity) else {
        return Ok(());
    };
    let mut values = encode_all(replication, owned)?;
    if let Some(mut replication) = world.get_mut::<RoomReplication>(room) {
        replication.set_sent(id, &values);
    }
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return Ok(());
    };
    let local_id = link.local_id();
    let RoomLink {
        snapshots: session,
        large,
        ..
    } = &mut *link;
    if session.owner(id) != Some(local_id) {
        return Ok(());
    }
    let key = |component| ContentKey {
        entity: id,
        component,
    };
    for (component, value) in &mut values {
        value.set_content(key(*component), &mut large.contents);
        session.set(id, *component, value.value())?;
    }
    let missing = session.components(id).unwrap_or_default();
    let missing = missing.without(values.iter().map(|(id, _)| *id).collect());
    for component in missing.iter() {
        // The previous owner may have added a large component that has not arrived.
        if !large.contents.is_expected(key(component)) {
            session.remove_component(id, component)?;
        }
    }
    Ok(())
}
