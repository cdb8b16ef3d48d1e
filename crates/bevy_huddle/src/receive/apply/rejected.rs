//! Reports data that the plugin rejected.

use bevy::prelude::*;
use huddle_mesh::PeerId;

use crate::{
    error::RejectReason,
    message::failed::MessageRejected,
    receive::apply::trigger::trigger,
    room::link::{RoomLink, peer_entity},
};

/// Logs that data from a peer was rejected. Triggers [`MessageRejected`] if the peer has an entity.
pub(crate) fn reject(world: &mut World, room: Entity, peer_id: PeerId, reason: RejectReason) {
    let should_log = world
        .get_mut::<RoomLink>(room)
        .is_some_and(|mut link| link.peers.count_rejected(peer_id));
    if should_log {
        log::warn!("rejected data from {peer_id}: {reason}");
    }
    if let Some(entity) = peer_entity(world, room, peer_id) {
        trigger(
            world,
            MessageRejected {
                entity,
                peer_id,
                reason,
            },
        );
    }
}
