//! Adds peers to the world and removes them.

use bevy::prelude::*;
use huddle_mesh::{DisconnectReason, PeerId};
use huddle_session::Refusal;

use crate::{
    peer::{
        components::{LinkStats, Peer, PeerOf},
        events::{PeerJoined, PeerLeft, PeerRefused},
        links::Departure,
    },
    receive::apply::{
        status::{report_status, set_status_from_link, update_status},
        trigger::trigger,
    },
    room::{components::Rooms, link::RoomLink},
    send::failures,
};

/// Spawns the entity of a peer that joined.
pub(crate) fn add_peer(world: &mut World, room: Entity, peer: Peer, rejoined: bool) {
    let link = world.get::<RoomLink>(room);
    if !link.is_some_and(|link| link.peers.contains(peer.id)) {
        return;
    }
    // Store the entity in the link first, because observers of its components may despawn it.
    let entity = world.spawn_empty().id();
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        link.peers.begin_joining(peer.id, entity);
    }
    // Insert the relationship first. Bevy completes it with a command, which would fail if an
    // observer of the other components despawned the room.
    world.entity_mut(entity).insert(PeerOf(room));
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        entity.insert((peer, LinkStats::default()));
    }
    set_status_from_link(world, room);
    let link = world.get_mut::<RoomLink>(room);
    if !link.is_some_and(|mut link| link.peers.finish_joining(peer.id, entity)) {
        return;
    }
    log::info!(
        "{} {}",
        peer.id,
        if rejoined { "is back" } else { "joined" }
    );
    trigger(
        world,
        PeerJoined {
            entity,
            peer_id: peer.id,
            rejoined,
        },
    );
    report_status(world, room);
}

/// Removes a peer from a room: immediately if the local player disconnected it, otherwise after its
/// last events.
pub(crate) fn remove_peer(
    world: &mut World,
    room: Entity,
    peer_id: PeerId,
    reason: DisconnectReason,
) {
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    if !link.peers.contains(peer_id) {
        return;
    }
    if reason == DisconnectReason::DisconnectedByPeer && link.peers.is_pending(peer_id) {
        // The peer has no entity on which `PeerLeft` could be triggered.
        return refuse_pending(world, room, peer_id);
    }
    if reason == DisconnectReason::DisconnectedLocally {
        forget_peer(world, room, peer_id, reason);
    } else {
        // Keep the entity until `Undelivered` has been triggered on it.
        link.begin_leaving(peer_id, reason);
    }
}

/// Removes a leaving peer whose last events were triggered. Returns whether there was one.
pub(crate) fn finish_leaving(world: &mut World, room: Entity) -> bool {
    let leaving = world
        .get::<RoomLink>(room)
        .and_then(|link| link.peers.next_leaving());
    if let Some((peer_id, reason)) = leaving {
        forget_peer(world, room, peer_id, reason);
    }
    leaving.is_some()
}

fn forget_peer(world: &mut World, room: Entity, peer_id: PeerId, reason: DisconnectReason) {
    let departure = world
        .get_mut::<RoomLink>(room)
        .and_then(|mut link| link.forget(peer_id, reason));
    if let Some(departure) = departure {
        finish_departure(world, departure);
    }
}

fn refuse_pending(world: &mut World, room: Entity, peer_id: PeerId) {
    refused(world, room, peer_id, Refusal::Disconnected);
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        link.forget(peer_id, DisconnectReason::DisconnectedByPeer);
    }
}

pub(crate) fn refused(world: &mut World, room: Entity, peer_id: PeerId, refusal: Refusal) {
    log::warn!("cannot play with {peer_id}: {refusal}");
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        link.peers.set_refused(peer_id);
    }
    trigger(
        world,
        PeerRefused {
            entity: room,
            peer_id,
            refusal,
        },
    );
}

/// Triggers `PeerLeft` and despawns the entity.
pub(crate) fn finish_departure(world: &mut World, departure: Departure) {
    let Departure {
        peer_id,
        entity,
        reason,
        has_joined,
    } = departure;
    failures::forget(world, peer_id);
    if has_joined {
        log::info!("{peer_id} left: {reason:?}");
        // Each `PeerJoined` is followed by a `PeerLeft`, even if the game despawned the entity.
        world.trigger(PeerLeft {
            entity,
            peer_id,
            reason,
        });
        world.flush();
    }
    if let Ok(entity) = world.get_entity_mut(entity) {
        entity.despawn();
    }
}

/// Removes all peers from a room.
pub(crate) fn remove_peers(world: &mut World, room: Entity, reason: DisconnectReason) {
    let peers: Vec<_> = world
        .get::<RoomLink>(room)
        .map(|link| link.peers.present().collect())
        .unwrap_or_default();
    for peer_id in peers {
        remove_peer(world, room, peer_id, reason);
    }
}

/// Closes the link to a peer and removes the peer from the room.
pub(crate) fn disconnect(
    world: &mut World,
    room: Entity,
    peer_id: PeerId,
    reason: DisconnectReason,
) {
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    if !link.peers.contains(peer_id) {
        return;
    }
    link.disconnect(peer_id);
    remove_peer(world, room, peer_id, reason);
    update_status(world, room);
}

/// Disconnects a peer whose entity the game despawned or took out of the room. Leaves the room if
/// it is the local peer.
pub(crate) fn on_peer_removed(removed: On<Remove, (Peer, PeerOf)>, mut commands: Commands) {
    let entity = removed.entity;
    commands.queue(move |world: &mut World| {
        let rooms = world.get_resource::<Rooms>().map(|rooms| rooms.to_vec());
        for room in rooms.unwrap_or_default() {
            let link = world.get::<RoomLink>(room);
            if let Some(peer_id) = link.and_then(|link| link.peers.find(entity)) {
                disconnect(world, room, peer_id, DisconnectReason::DisconnectedLocally);
            } else if link.is_some_and(|link| link.local_peer == Some(entity)) {
                world.despawn(room);
            }
        }
    });
}

/// Leaves the room whose link was removed or despawned, and removes its remaining peers.
pub(crate) fn on_link_removed(
    removed: On<Discard, RoomLink>,
    mut links: Query<&mut RoomLink>,
    mut rooms: ResMut<Rooms>,
    mut commands: Commands,
) {
    rooms.retain(|&room| room != removed.entity);
    if let Ok(mut link) = links.get_mut(removed.entity) {
        if let Some(local_peer) = link.local_peer.take() {
            commands.entity(local_peer).try_despawn();
        }
        for departure in link.leave() {
            commands.queue(move |world: &mut World| finish_departure(world, departure));
        }
    }
}
