//! Ends rooms that failed.

use bevy::prelude::*;
use huddle_mesh::DisconnectReason;

use crate::{
    error::JoinError,
    receive::apply::{
        peers::{finish_leaving, remove_peer},
        status::{report_status, set_status},
        trigger::trigger,
    },
    room::{events::RoomFailed, link::RoomLink, status::RoomStatus},
};

/// Marks a room as failed. The room ends once its peers are removed. If a room fails twice,
/// `RoomFailed` contains the first error.
pub(crate) fn fail(world: &mut World, room: Entity, error: JoinError) {
    log::error!("the room cannot be used: {error}");
    match world.get_mut::<RoomLink>(room) {
        Some(mut link) => drop(link.failure.get_or_insert(error)),
        None => end(world, room, error),
    }
}

/// Removes the next leaving peer, or else the next peer of a failed room, or else ends the failed
/// room. Returns whether there was anything to do.
pub(crate) fn finish(world: &mut World, room: Entity) -> bool {
    if finish_leaving(world, room) {
        return true;
    }
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return false;
    };
    let Some(error) = &link.failure else {
        return false;
    };
    let reason = match error {
        JoinError::Kicked { .. } => DisconnectReason::DisconnectedLocally,
        _ => DisconnectReason::Lost,
    };
    let peer_id = link.peers.present().next();
    if let Some(peer_id) = peer_id {
        remove_peer(world, room, peer_id, reason);
    } else if let Some(error) = link.failure.take() {
        end(world, room, error);
    }
    true
}

fn end(world: &mut World, room: Entity, error: JoinError) {
    if let Ok(mut entity) = world.get_entity_mut(room) {
        entity.remove::<RoomLink>();
        set_status(world, room, RoomStatus::Failed);
        trigger(
            world,
            RoomFailed {
                entity: room,
                error,
            },
        );
        report_status(world, room);
    }
}
