//! What the game says becomes packets.

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_sync::{MAX_EVENT_LEN, MAX_STATE_LEN, OwnStates, codec};

use crate::{
    MessageError, PeerMessage, Recipients, SendFailed, link::RoomLink, message::MessageKinds,
};

/// This player's own state; the same for every room.
#[derive(Resource, Default)]
pub(crate) struct OwnState(pub(crate) OwnStates);

/// Whether it has been said that nothing comes of commands without a room.
#[derive(Resource, Default)]
struct NoRoomSaid(bool);

/// Sends one packet of state per peer, and the events that wait.
pub(crate) fn send_tick(mut rooms: Query<&mut RoomLink>, own: Res<OwnState>) {
    for mut link in &mut rooms {
        link.send_state(&own.0);
        link.send_events();
    }
}

/// Sends the events that wait, so that they need not wait for a tick.
pub(crate) fn send_events(mut rooms: Query<&mut RoomLink>) {
    for mut link in &mut rooms {
        link.send_events();
    }
}

/// Queues an event for its recipients.
pub(crate) fn send_event<T: PeerMessage>(world: &mut World, to: Recipients, message: &T) {
    let Some(event) = world.get_resource_or_init::<MessageKinds>().event::<T>() else {
        return fail(
            world,
            std::any::type_name::<T>(),
            None,
            MessageError::NotDeclared,
        );
    };
    let payload = match codec::encode(message, MAX_EVENT_LEN) {
        Ok(payload) => payload,
        Err(error) => return fail(world, event.name, None, error.into()),
    };

    let mut links: Vec<_> = world.query::<&mut RoomLink>().iter_mut(world).collect();
    if links.is_empty() {
        return warn_no_room(world);
    }
    let mut failures = Vec::new();
    if let Recipients::Peers(ids) = &to {
        failures.extend(
            ids.iter()
                .filter(|&&id| links.iter().all(|link| link.entity(id).is_none()))
                .map(|&id| (id, MessageError::UnknownPeer)),
        );
    }
    for link in &mut links {
        let peers: Vec<_> = link.peers().filter(|&peer| to.contains(peer)).collect();
        for peer in peers {
            if link.is_foreign(peer) {
                if to != Recipients::All {
                    failures.push((peer, MessageError::Foreign));
                }
            } else if let Err(error) = link.queue_event(peer, event.kind, payload.clone()) {
                failures.push((peer, error.into()));
            }
        }
    }
    for (peer, error) in failures {
        fail(world, event.name, Some(peer), error);
    }
}

/// Sets this player's state of a type.
pub(crate) fn share<T: PeerMessage>(world: &mut World, value: &T) {
    let Some(state) = world.get_resource_or_init::<MessageKinds>().state::<T>() else {
        return fail(
            world,
            std::any::type_name::<T>(),
            None,
            MessageError::NotDeclared,
        );
    };
    let set = codec::encode(value, MAX_STATE_LEN).and_then(|payload| {
        world
            .get_resource_or_init::<OwnState>()
            .0
            .set(state.kind, payload)
    });
    if let Err(error) = set {
        fail(world, state.name, None, error.into());
    }
}

/// Says once that there is no room, which is usual while a game is not online.
pub(crate) fn warn_no_room(world: &mut World) {
    let mut said = world.get_resource_or_init::<NoRoomSaid>();
    if !std::mem::replace(&mut said.0, true) {
        log::warn!(
            "without a room, sending an event or cutting a peer does nothing: call `commands.join_room(\"ws://host:3536/name\")` first, or use `run_if(in_room)`"
        );
    }
}

fn fail(world: &mut World, message: &'static str, peer: Option<PeerId>, error: MessageError) {
    match peer {
        Some(peer) => log::warn!("\"{message}\" was not sent to {peer}: {error}"),
        None => log::error!("\"{message}\" was not sent: {error}"),
    }
    world.trigger(SendFailed {
        message,
        peer,
        error,
    });
    world.flush();
}
