//! Changes of the components of entities that the local peer owns.

use std::sync::Arc;

use bevy::prelude::*;

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
    Query<&ReplicationId, (With<LocallyOwned>, Without<T>)>,
    RemovedComponents<T>,
    Query<(&mut RoomLink, &mut RoomReplication)>,
    Commands,
) + use<T> {
    let (name, codec) = (rule.name(), Arc::clone(&rule.codec));
    let mut buffer = ValueBuffer::default();
    move |changed, without, mut removed, mut rooms, mut commands| {
        for (entity, &ReplicationId { id, room }, component) in &changed {
            let Ok((mut link, mut replication)) = rooms.get_mut(room) else {
                continue;
            };
            let Some(component_id) = replication.rules.id_of::<T>() else {
                continue;
            };
            let result = codec
                .encode(component, &mut buffer)
                .and_then(|()| buffer.finish(&replication.entities).map(drop))
                .map_err(|error| ReplicationError::Encode { name, error })
                .and_then(|()| {
                    let value = buffer.value();
                    Ok(link.snapshots.set(id, component_id, value)?)
                });
            let waiting = &mut replication.bypass_change_detection().without_id;
            waiting.set((id, component_id), buffer.without_id());
            if let Err(error) = result {
                log::error!("a change of {entity} is not replicated: {error}");
                trigger_later(&mut commands, ReplicationFailed { entity, error });
            }
        }
        for entity in removed.read() {
            if let Ok(&ReplicationId { id, room }) = without.get(entity)
                && let Ok((mut link, replication)) = rooms.get_mut(room)
                && let Some(component_id) = replication.rules.id_of::<T>()
            {
                // The entity is local, so the only error is that it was despawned.
                let _ = link.snapshots.remove_component(id, component_id);
            }
        }
    }
}
