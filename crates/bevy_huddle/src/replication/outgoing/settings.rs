//! The owner's settings of an entity: who sees it, and how important it is.

use bevy::prelude::*;
use huddle_snapshot::{EntityError, Visibility};

use crate::{
    receive::apply::trigger::trigger_later,
    replication::{
        components::{Importance, LocallyOwned, ReplicationId, VisibleTo},
        events::ReplicationFailed,
    },
    room::link::RoomLink,
};

/// Passes changed settings to the session.
pub(crate) fn collect_settings(
    visible: Query<(Entity, &ReplicationId, &VisibleTo), (Changed<VisibleTo>, With<LocallyOwned>)>,
    importance: Query<
        (Entity, &ReplicationId, &Importance),
        (Changed<Importance>, With<LocallyOwned>),
    >,
    mut rooms: Query<&mut RoomLink>,
    mut commands: Commands,
) {
    let mut report = |entity: Entity, result: Result<(), EntityError>| {
        if let Err(error) = result {
            log::error!("a setting of {entity} has no effect: {error}");
            let error = error.into();
            trigger_later(&mut commands, ReplicationFailed { entity, error });
        }
    };
    for (entity, &ReplicationId { id, room }, visible_to) in &visible {
        if let Ok(mut link) = rooms.get_mut(room) {
            let result = link.snapshots.set_visibility(id, visible_to.visibility());
            report(entity, result);
        }
    }
    for (entity, &ReplicationId { id, room }, importance) in &importance {
        if let Ok(mut link) = rooms.get_mut(room) {
            let result = link.snapshots.set_importance(id, importance.0);
            report(entity, result);
        }
    }
}

/// Shows an entity to every peer again.
pub(crate) fn on_visible_to_removed(
    removed: On<Remove, VisibleTo>,
    owned: Query<&ReplicationId, With<LocallyOwned>>,
    mut rooms: Query<&mut RoomLink>,
) {
    if let Ok(&ReplicationId { id, room }) = owned.get(removed.entity)
        && let Ok(mut link) = rooms.get_mut(room)
    {
        // The only error is that the entity was despawned.
        let _ = link.snapshots.set_visibility(id, Visibility::All);
    }
}

/// Resets the importance of an entity.
pub(crate) fn on_importance_removed(
    removed: On<Remove, Importance>,
    owned: Query<&ReplicationId, With<LocallyOwned>>,
    mut rooms: Query<&mut RoomLink>,
) {
    if let Ok(&ReplicationId { id, room }) = owned.get(removed.entity)
        && let Ok(mut link) = rooms.get_mut(room)
    {
        // The only error is that the entity was despawned.
        let _ = link.snapshots.set_importance(id, Importance::default().0);
    }
}
