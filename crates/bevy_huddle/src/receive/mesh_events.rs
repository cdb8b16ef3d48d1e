//! Handles the events of the mesh: the room, its peers and their packets.

use bevy::{platform::time::Instant, prelude::*};
use bytes::Bytes;
use huddle_mesh::{Channel, DisconnectReason, PeerId, RoomEvent, ViolationSource};

use crate::{
    error::{JoinError, RejectReason},
    message::raw::RawReceived,
    peer::{
        components::{Peer, Reconnecting},
        events::{LinkFailed, PeerReconnected, PeerReconnecting},
    },
    receive::apply::{
        failure::fail,
        peers::{add_peer, disconnect, remove_peer},
        rejected::reject,
        status::{set_settings, set_signaling},
        trigger::trigger,
    },
    room::{
        components::{Room, Rooms},
        events::{SignalRejected, TokenNeeded},
        link::{RoomLink, peer_entity},
    },
};

/// Handles an event of the mesh.
pub(super) fn handle(world: &mut World, room: Entity, event: RoomEvent) {
    match event {
        RoomEvent::Signaling(signaling) => set_signaling(world, room, signaling),
        RoomEvent::PeerJoined {
            peer_id,
            rejoined,
            is_matchbox_client,
        } => {
            open_link(world, room, peer_id, is_matchbox_client, rejoined);
        }
        RoomEvent::PeerReconnecting(peer_id) => {
            if let Some(entity) = peer_entity(world, room, peer_id) {
                world.entity_mut(entity).insert(Reconnecting);
                trigger(world, PeerReconnecting { entity, peer_id });
            }
        }
        RoomEvent::PeerReconnected(peer_id) => {
            if let Some(entity) = peer_entity(world, room, peer_id) {
                world.entity_mut(entity).remove::<Reconnecting>();
                trigger(world, PeerReconnected { entity, peer_id });
            }
        }
        RoomEvent::LinkReplaced(peer_id) => {
            if let Some(mut link) = world.get_mut::<RoomLink>(room) {
                link.session.link_replaced(peer_id);
            }
        }
        RoomEvent::LinkFailed {
            peer_id,
            reason,
            attempt,
        } => {
            if let Some(mut link) = world.get_mut::<RoomLink>(room) {
                link.peers.set_unlinked(peer_id, Some(reason.clone()));
            }
            if attempt.is_power_of_two() {
                log::warn!("no link to {peer_id} after {attempt} attempts: {reason}");
            }
            trigger(
                world,
                LinkFailed {
                    entity: room,
                    peer_id,
                    reason,
                    attempt,
                },
            );
        }
        RoomEvent::LinkFailureResolved(peer_id) => {
            if let Some(mut link) = world.get_mut::<RoomLink>(room) {
                link.peers.set_unlinked(peer_id, None);
            }
        }
        RoomEvent::PeerLeft { peer_id, reason } => remove_peer(world, room, peer_id, reason),
        RoomEvent::Packet {
            peer_id,
            channel,
            bytes,
            arrived,
        } => receive_packet(world, room, peer_id, channel, bytes, arrived),
        RoomEvent::Overflow {
            peer_id,
            channel,
            dropped,
        } => {
            reject(
                world,
                room,
                peer_id,
                RejectReason::Overflow { channel, dropped },
            );
        }
        RoomEvent::ProtocolViolation {
            source,
            violation,
            count,
        } => match source {
            ViolationSource::Peer(peer_id) => {
                reject(
                    world,
                    room,
                    peer_id,
                    RejectReason::ProtocolViolation { violation, count },
                );
            }
            ViolationSource::Member(_) | ViolationSource::Server => {
                let name = match source {
                    ViolationSource::Member(id) => format!("{id}, a member of the room"),
                    _ => "the signaling server".to_owned(),
                };
                log::warn!("{name}: {violation} ({count} so far)");
                trigger(
                    world,
                    SignalRejected {
                        entity: room,
                        source,
                        violation,
                        count,
                    },
                );
            }
        },
        RoomEvent::TokenNeeded { reason } => {
            log::warn!(
                "the signaling server needs a new token ({reason}). Pass one to `commands.set_token`: until then, no new player can join"
            );
            trigger(
                world,
                TokenNeeded {
                    entity: room,
                    reason,
                },
            );
        }
        RoomEvent::SettingsChanged(settings) => set_settings(world, room, settings.into()),
        RoomEvent::Failed(error) => fail(world, room, error.into()),
    }
}

/// Handles a new link. A matchbox client joins immediately, and any other peer after the handshake.
fn open_link(
    world: &mut World,
    room: Entity,
    peer_id: PeerId,
    is_matchbox_client: bool,
    rejoined: bool,
) {
    if let Some(duplicate) = duplicate_room(world, room, peer_id) {
        return fail_duplicate(world, duplicate);
    }
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    if is_matchbox_client {
        link.peers.open(peer_id, true, false);
        log::warn!("{peer_id} is a matchbox client: it does not receive typed messages");
        add_peer(
            world,
            room,
            Peer {
                id: peer_id,
                is_matchbox_client,
            },
            rejoined,
        );
    } else {
        log::debug!("linked with {peer_id}");
        link.open(peer_id, rejoined);
    }
}

/// Finds a room that this game joined twice under different addresses: the peer of one room is the
/// local peer of the other. Returns the later one.
fn duplicate_room(world: &World, room: Entity, peer_id: PeerId) -> Option<Entity> {
    let rooms = world.get_resource::<Rooms>()?;
    let is_local = |room: Entity| {
        let link = world.get::<RoomLink>(room);
        link.is_some_and(|link| link.local_id() == peer_id)
    };
    let mut both = rooms
        .iter()
        .copied()
        .filter(|&other| other == room || is_local(other));
    both.nth(1)
}

fn fail_duplicate(world: &mut World, room: Entity) {
    if let Some(url) = world.get::<Room>(room).map(|room| room.url.clone()) {
        fail(world, room, JoinError::AlreadyJoined { url });
    }
}

fn receive_packet(
    world: &mut World,
    room: Entity,
    peer_id: PeerId,
    channel: Channel,
    bytes: Bytes,
    arrived: Instant,
) {
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    if link.peers.is_matchbox_client(peer_id) {
        return receive_raw(world, room, peer_id, channel, bytes);
    }
    let result = link.receive(peer_id, channel, bytes, arrived);
    let is_over_limit = link.peers.has_too_many_bad_packets(peer_id);
    if let Err(error) = result {
        reject(world, room, peer_id, error.into());
        if is_over_limit {
            log::error!("{peer_id} is disconnected: it keeps sending malformed packets");
            disconnect(world, room, peer_id, DisconnectReason::ProtocolViolation);
        }
    }
}

/// Triggers the event for bytes that a matchbox client sent.
fn receive_raw(world: &mut World, room: Entity, peer_id: PeerId, channel: Channel, bytes: Bytes) {
    if let Some(entity) = peer_entity(world, room, peer_id) {
        trigger(
            world,
            RawReceived {
                entity,
                peer_id,
                channel,
                bytes,
            },
        );
    }
}
