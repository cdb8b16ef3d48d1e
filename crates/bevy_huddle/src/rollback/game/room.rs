//! What the match receives from its room.

use std::time::Duration;

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{DisconnectReason, PeerId};
use huddle_rollback::{Input, ReceiveError};
use huddle_session::codec::DecodeError;

use crate::{
    message::registry::PeerRef,
    peer::{
        components::PeerOf,
        events::{PeerJoined, PeerKicked, PeerLeft, PeerResumed, PeerStopped},
    },
    rollback::game::running::{CurrentMatch, Running},
    room::{extension::ReceivedSection, link::RoomLink},
};

/// Calls a function with the match of a room, if there is one, and the time.
fn with_match<I: Input, T>(
    world: &mut World,
    room: Entity,
    call: impl FnOnce(&mut Running<I>, Duration) -> T,
) -> Option<T> {
    let now = world.get::<RoomLink>(room).map(RoomLink::now)?;
    let mut current = world.resource_mut::<CurrentMatch<I>>();
    let running = current.0.as_mut()?;
    (running.room == Some(room)).then(|| call(running, now))
}

/// Logs invalid data from a peer, less often the more there is.
fn log_invalid(
    world: &mut World,
    room: Entity,
    peer_id: PeerId,
    received: Option<Result<(), ReceiveError>>,
) {
    if let Some(Err(error)) = received
        && let Some(mut link) = world.get_mut::<RoomLink>(room)
        && link.peers.count_rejected(peer_id)
    {
        log::warn!("data of the match from {peer_id} is invalid: {error}");
    }
}

/// Receives the section of a packet.
pub(crate) fn receive_section<I: Input>(world: &mut World, room: Entity, section: ReceivedSection) {
    let ReceivedSection {
        peer_id,
        packet,
        payload,
        arrived,
        rtt,
    } = section;
    let received = with_match::<I, _>(world, room, |running, _| {
        running
            .session
            .receive_packet(peer_id, packet, &payload, arrived, rtt)
    });
    log_invalid(world, room, peer_id, received);
}

/// Receives a message of the session of a peer.
pub(crate) fn receive_message<I: Input>(
    world: &mut World,
    from: PeerRef,
    payload: &[u8],
) -> Result<(), DecodeError> {
    let PeerRef { peer_id, entity } = from;
    if let Some(&PeerOf(room)) = world.get::<PeerOf>(entity) {
        let message = Bytes::copy_from_slice(payload);
        let received = with_match::<I, _>(world, room, |running, now| {
            running.session.receive_message(peer_id, message, now)
        });
        log_invalid(world, room, peer_id, received);
    }
    Ok(())
}

/// A peer's program was restarted.
pub(crate) fn peer_restarted<I: Input>(world: &mut World, room: Entity, peer_id: PeerId) {
    with_match::<I, _>(world, room, |running, now| {
        running.session.restarted(peer_id, now);
    });
}

/// The local player is about to leave the room, so it announces that it leaves the match.
pub(crate) fn leave_room<I: Input>(world: &mut World, room: Entity) {
    let mut current = world.resource_mut::<CurrentMatch<I>>();
    let Some(mut running) = current.0.take_if(|running| running.room == Some(room)) else {
        // A step of the match itself leaves the room. The step ends the match.
        return;
    };
    if let Some(now) = running.now(world) {
        running.session.leave(now);
        running.queue_messages(world);
    }
    running.end(world);
}

pub(crate) fn on_joined<I: Input>(
    joined: On<PeerJoined>,
    peers: Query<&PeerOf>,
    mut current: ResMut<CurrentMatch<I>>,
) {
    if let Some(running) = &mut current.0
        && let Ok(peer_of) = peers.get(joined.entity)
        && running.room == Some(peer_of.0)
    {
        running.session.linked(joined.peer_id);
    }
}

pub(crate) fn on_left<I: Input>(
    left: On<PeerLeft>,
    peers: Query<&PeerOf>,
    rooms: Query<&RoomLink>,
    mut current: ResMut<CurrentMatch<I>>,
) {
    let Some(running) = &mut current.0 else {
        return;
    };
    let Some(room) = running.room else { return };
    // The game may have despawned the peer's entity.
    let is_elsewhere = peers
        .get(left.entity)
        .is_ok_and(|peer_of| peer_of.0 != room);
    let Ok(now) = rooms.get(room).map(RoomLink::now) else {
        return;
    };
    if is_elsewhere {
        return;
    }
    match left.reason {
        DisconnectReason::ProtocolViolation => running.session.removed(left.peer_id, now),
        _ => running.session.lost(left.peer_id, now),
    }
}

pub(crate) fn on_kicked<I: Input>(
    kicked: On<PeerKicked>,
    peers: Query<&PeerOf>,
    rooms: Query<&RoomLink>,
    mut current: ResMut<CurrentMatch<I>>,
) {
    if let Some(running) = &mut current.0
        && let Ok(peer_of) = peers.get(kicked.entity)
        && running.room == Some(peer_of.0)
        && let Ok(link) = rooms.get(peer_of.0)
    {
        running.session.removed(kicked.peer_id, link.now());
    }
}

pub(crate) fn on_stopped<I: Input>(stopped: On<PeerStopped>, mut current: ResMut<CurrentMatch<I>>) {
    if let Some(running) = &mut current.0 {
        running.session.set_stopped(stopped.peer_id, true);
    }
}

pub(crate) fn on_resumed<I: Input>(resumed: On<PeerResumed>, mut current: ResMut<CurrentMatch<I>>) {
    if let Some(running) = &mut current.0 {
        running.session.set_stopped(resumed.peer_id, false);
    }
}
