//! Transfers that begin, go on and end.

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_session::TransferEvent;

use crate::{
    message::transfer::{
        TransferDelivered, TransferFailed, TransferProgress, TransferReceived, TransferStarted,
    },
    receive::apply::trigger::trigger,
    room::link::{RoomLink, peer_entity},
};

pub(crate) fn trigger_transfer_event(
    world: &mut World,
    room: Entity,
    peer_id: PeerId,
    event: TransferEvent,
) {
    let Some(entity) = peer_entity(world, room, peer_id) else {
        return;
    };
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    let label = link.peers.label(peer_id, &event);
    match event {
        TransferEvent::Started { id, len, .. } => trigger(
            world,
            TransferStarted {
                entity,
                peer_id,
                id,
                label,
                len,
            },
        ),
        TransferEvent::Progress { id, done, total } => trigger(
            world,
            TransferProgress {
                entity,
                peer_id,
                id,
                label,
                done,
                total,
            },
        ),
        TransferEvent::Received { id, bytes, .. } => trigger(
            world,
            TransferReceived {
                entity,
                peer_id,
                id,
                label,
                bytes,
            },
        ),
        TransferEvent::Delivered { id } => trigger(
            world,
            TransferDelivered {
                entity,
                peer_id,
                id,
                label,
            },
        ),
        TransferEvent::Failed { id, reason } => {
            log::debug!(
                "the {id} with {peer_id}, \"{}\", failed: {reason}",
                label.escape_debug()
            );
            trigger(
                world,
                TransferFailed {
                    entity,
                    peer_id,
                    id,
                    label,
                    reason,
                },
            );
        }
    }
}
