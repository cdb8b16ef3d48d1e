//! Reports data of peers that the plugin rejected.

use bevy::prelude::*;
use huddle_mesh::PeerId;

use crate::{
    error::RejectReason,
    message::failed::MessageRejected,
    receive::apply::trigger::trigger,
    room::link::{RoomLink, peer_entity},
};

/// Logs that something was rejected, and triggers [`MessageRejected`] if the peer has an entity.
pub(crate) fn reject(world: &mut World, room: Entity, peer_id: PeerId, reason: RejectReason) {
    let is_logged = world
        .get_mut::<RoomLink>(room)
        .is_some_and(|mut link| link.peers.count_rejected(peer_id));
    if is_logged {
        log::warn!("rejected from {peer_id}: {reason}");
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
