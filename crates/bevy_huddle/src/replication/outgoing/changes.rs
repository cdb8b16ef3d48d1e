//! Changes of the components of entities that the local peer owns.

use std::sync::Arc;

use bevy::prelude::*;
use huddle_snapshot::{EntityError, claim::OwnerError, content::ContentKey};

use crate::{
    receive::apply::trigger::trigger_later,
    replication::{
        codec::ValueBuffer,
        components::{LocallyOwned, ReplicationId},
        events::{ReplicationError, ReplicationFailed},
        room::RoomReplication,
        rule::{ComponentRule, ReplicatedComponent, TypedRule},
    },
    room::link::RoomLink,
};

/// Returns the system that passes changes of `T` to the session.
pub(crate) fn collect_changes<T: ReplicatedComponent>(
    rule: &TypedRule<T>,
) -> impl FnMut(
    Query<(Entity, &ReplicationId, &T), (Changed<T>, With<LocallyOwned>)>,
    Query<(&mut RoomLink, &mut RoomReplication)>,
    Commands,
) + use<T> {
    let (name, codec) = (rule.name(), Arc::clone(&rule.codec));
    let mut buffer = ValueBuffer::default();
    move |changed, mut rooms, mut commands| {
        for (entity, &ReplicationId { id, room }, component) in &changed {
            let Ok((mut link, mut replication)) = rooms.get_mut(room) else {
                continue;
            };
            let Some(component_id) = replication.rules.id_of::<T>() else {
                continue;
            };
            let encoded = codec
                .encode(component, &mut buffer)
                .and_then(|()| buffer.finish(&replication.entities).map(drop));
            if buffer.is_large() && link.snapshots.owner(id) != Some(link.local_id()) {
                // A command of this tick gave it away, and the content is that of the new owner.
                continue;
            }
            let result = encoded
                .map_err(|error| ReplicationError::encode(name, error))
                .and_then(|()| {
                    let key = ContentKey {
                        entity: id,
                        component: component_id,
                    };
                    buffer.set_content(key, &mut link.large.contents);
                    Ok(link.snapshots.set(id, component_id, buffer.value())?)
                });
            let error = match result {
                // A command of this tick gave it away.
                Err(ReplicationError::Entity(EntityError::Owner(OwnerError::NotOwner))) => continue,
                result => result.err(),
            };
            let replication = replication.bypass_change_detection();
            let version = replication.entities.version();
            let targets = buffer.references();
            replication.sent.set((id, component_id), targets, version);
            if let Some(error) = error {
                log::error!("a change of {entity} is not replicated: {error}");
                trigger_later(&mut commands, ReplicationFailed { entity, error });
            }
        }
    }
}

/// Removes a component of an entity of the local peer. An observer also sees removals between two
/// ticks that are several frames apart.
pub(crate) fn on_component_removed<T: ReplicatedComponent>(
    removed: On<Remove, T>,
    owned: Query<&ReplicationId, With<LocallyOwned>>,
    mut rooms: Query<(&mut RoomLink, &mut RoomReplication)>,
) {
    if let Ok(&ReplicationId { id, room }) = owned.get(removed.entity)
        && let Ok((mut link, mut replication)) = rooms.get_mut(room)
        && let Some(component_id) = replication.rules.id_of::<T>()
    {
        let sent = &mut replication.bypass_change_detection().sent;
        sent.set((id, component_id), &[], 0);
        // The only errors are that the entity was despawned, or given away.
        if link.snapshots.remove_component(id, component_id).is_ok() {
            link.large.contents.remove(ContentKey {
                entity: id,
                component: component_id,
            });
        }
    }
}
