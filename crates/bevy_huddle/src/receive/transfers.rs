//! Triggers the events of transfers.

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_session::TransferEvent;

use crate::{
    message::transfer::{
        TransferDelivered, TransferFailed, TransferProgress, TransferReceived, TransferStarted,
    },
    peer::transfers::Transfer,
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
    let transfers = link.peers.transfers_mut(peer_id);
    let Some(Transfer { id, label }) = transfers.and_then(|transfers| transfers.take(&event))
    else {
        return;
    };
    match event {
        TransferEvent::Started {
            id: link_id, len, ..
        } => trigger(
            world,
            TransferStarted {
                entity,
                peer_id,
                id,
                direction: link_id.direction,
                label,
                len,
            },
        ),
        TransferEvent::Progress {
            id: link_id,
            done,
            total,
        } => trigger(
            world,
            TransferProgress {
                entity,
                peer_id,
                id,
                direction: link_id.direction,
                label,
                done,
                total,
            },
        ),
        TransferEvent::Received { bytes, .. } => trigger(
            world,
            TransferReceived {
                entity,
                peer_id,
                id,
                label,
                bytes,
            },
        ),
        TransferEvent::Delivered { .. } => trigger(
            world,
            TransferDelivered {
                entity,
                peer_id,
                id,
                label,
            },
        ),
        TransferEvent::Failed {
            id: link_id,
            reason,
        } => {
            log::debug!(
                "the {link_id} with {peer_id}, \"{}\", failed: {reason}",
                label.escape_debug()
            );
            trigger(
                world,
                TransferFailed {
                    entity,
                    peer_id,
                    id,
                    direction: link_id.direction,
                    label,
                    reason,
                },
            );
        }
    }
}
