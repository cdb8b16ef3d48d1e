//! Queues events and transfers of the game.

use std::{
    any::type_name,
    sync::{Arc, Mutex, PoisonError},
};

use bevy::{ecs::system::SystemState, prelude::*};
use bytes::Bytes;
use huddle_mesh::{Channel, PeerId};

use crate::{
    error::MessageError,
    message::{
        event::ToPeers,
        recipients::Recipients,
        registry::{MessageKinds, PeerMessage},
        transfer::TransferId,
    },
    room::link::{RoomLink, peer_entity},
    send::{
        failures,
        sender::{Failure, PeerSender},
    },
};

/// The sender of commands. It is shared, so that a command can use it with its own world.
#[derive(Resource, Clone)]
struct CommandSender(Arc<Mutex<SystemState<PeerSender<'static, 'static>>>>);

impl FromWorld for CommandSender {
    fn from_world(world: &mut World) -> Self {
        Self(Arc::new(Mutex::new(SystemState::new(world))))
    }
}

/// Queues the events of a type that were written as messages.
pub(crate) fn queue_written<T: PeerMessage>(
    mut written: ResMut<Messages<ToPeers<T>>>,
    mut sender: PeerSender,
    mut commands: Commands,
) {
    for to_send in written.drain() {
        sender.send(&to_send.recipients, &to_send.message, |(peer_id, error)| {
            commands.queue(move |world: &mut World| fail::<T>(world, peer_id, error));
        });
    }
}

/// Queues an event for its recipients.
pub(crate) fn send_event<T: PeerMessage>(world: &mut World, to: &Recipients, message: &T) {
    for (peer_id, error) in with_sender(world, |sender, failed| sender.send(to, message, failed)) {
        fail::<T>(world, peer_id, error);
    }
}

/// Offers bytes to their recipients.
pub(crate) fn send_transfer(
    world: &mut World,
    id: TransferId,
    to: &Recipients,
    label: &str,
    bytes: &Bytes,
) {
    let failures = with_sender(world, |sender, failed| {
        sender.send_transfer(id, to, label, bytes, failed);
    });
    for (peer_id, error) in failures {
        failures::report(world, "transfer", peer_id, Some(id), error);
    }
}

/// Sends for a command. Returns the failures.
fn with_sender(
    world: &mut World,
    send: impl FnOnce(&mut PeerSender, &mut dyn FnMut(Failure)),
) -> Vec<Failure> {
    let mut failures = Vec::new();
    let shared = world.get_resource_or_init::<CommandSender>().clone();
    let mut state = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Ok(mut sender) = state.get_mut(world) {
        send(&mut sender, &mut |failure| failures.push(failure));
    }
    failures
}

/// Reports that an event was not sent.
fn fail<T: PeerMessage>(world: &mut World, peer_id: Option<PeerId>, error: MessageError) {
    let declared = world.get_resource_or_init::<MessageKinds>().event::<T>();
    let name = declared.map_or(type_name::<T>(), |event| event.name);
    failures::report(world, name, peer_id, None, error);
}

/// Sends bytes to a matchbox client in one of these rooms.
pub(crate) fn send_raw(
    world: &mut World,
    rooms: &[Entity],
    peer_id: PeerId,
    channel: Channel,
    bytes: Bytes,
) {
    let is_in = |room: &&Entity| peer_entity(world, **room, peer_id).is_some();
    let room = rooms.iter().find(is_in).copied();
    let sent = match room.and_then(|room| world.get_mut::<RoomLink>(room)) {
        Some(mut link) => link.send_raw(peer_id, channel, bytes),
        None if rooms.is_empty() => Err(MessageError::NoRoom),
        None => Err(MessageError::UnknownPeer),
    };
    if let Err(error) = sent {
        failures::report(world, "raw bytes", Some(peer_id), None, error);
    }
}
