//! What the game says becomes packets.

use std::{
    any::type_name,
    sync::{Arc, Mutex, PoisonError},
};

use bevy::{ecs::system::SystemState, prelude::*};
use bytes::Bytes;
use huddle_mesh::PeerId;
use huddle_session::{MAX_STATE_LEN, OwnStates, codec};

use crate::{
    events::MessageError,
    message::{
        recipients::Recipients,
        registry::{MessageKinds, PeerMessage, ToPeers},
    },
    room::{components::RoomTick, link::RoomLink},
    send::failures,
    send::sender::{Failure, PeerSender},
};

/// This player's own state; the same for every room.
#[derive(Resource, Default)]
pub(crate) struct OwnState(pub(crate) OwnStates);

/// Sends for commands. Shared, so that it can be used on the world in which it is.
#[derive(Resource, Clone)]
struct CommandSender(Arc<Mutex<SystemState<PeerSender<'static, 'static>>>>);

impl FromWorld for CommandSender {
    fn from_world(world: &mut World) -> Self {
        Self(Arc::new(Mutex::new(SystemState::new(world))))
    }
}

/// Begins a tick of every room.
pub(crate) fn begin_tick(mut rooms: Query<(&mut RoomLink, &mut RoomTick)>) {
    for (mut link, mut tick) in &mut rooms {
        link.advance();
        tick.0 = link.session.tick();
    }
}

/// Sends one packet per peer, and what waits on the other lanes.
pub(crate) fn send_tick(mut rooms: Query<&mut RoomLink>, own: Res<OwnState>) {
    for mut link in &mut rooms {
        link.send_tick(&own.0);
    }
}

/// Sends the events that wait, so that they need not wait for a tick.
///
/// A game that stands still has no ticks, but its room goes on: peers wait for its acks.
pub(crate) fn send_events(mut rooms: Query<(&mut RoomLink, &mut RoomTick)>, own: Res<OwnState>) {
    for (mut link, mut tick) in &mut rooms {
        if link.is_paused() {
            link.advance();
            tick.0 = link.session.tick();
            link.send_tick(&own.0);
        } else {
            link.send_events();
        }
    }
}

/// Queues the events of a type that were written as messages.
pub(crate) fn queue_written<T: PeerMessage>(
    mut written: ResMut<Messages<ToPeers<T>>>,
    mut sender: PeerSender,
    mut commands: Commands,
) {
    for to_send in written.drain() {
        sender.send(&to_send.recipients, &to_send.message, |(peer, error)| {
            commands.queue(move |world: &mut World| fail::<T>(world, peer, error));
        });
    }
}

/// Queues an event for its recipients.
pub(crate) fn send_event<T: PeerMessage>(world: &mut World, to: &Recipients, message: &T) {
    for (peer, error) in with_sender(world, |sender, failed| sender.send(to, message, failed)) {
        fail::<T>(world, peer, error);
    }
}

/// Offers bytes to their recipients.
pub(crate) fn send_file(world: &mut World, to: &Recipients, label: &str, bytes: &Bytes) {
    let failures = with_sender(world, |sender, failed| {
        sender.send_file(to, label, bytes, failed);
    });
    for (peer, error) in failures {
        failures::report(world, "file", peer, error);
    }
}

/// Sends for a command; what does not work is returned.
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

/// Sets this player's state of a type.
pub(crate) fn share<T: PeerMessage>(world: &mut World, value: &T) {
    let Some(state) = world.get_resource_or_init::<MessageKinds>().state::<T>() else {
        return failures::report(world, type_name::<T>(), None, MessageError::NotDeclared);
    };
    let set = codec::encode(value, MAX_STATE_LEN).and_then(|payload| {
        world
            .get_resource_or_init::<OwnState>()
            .0
            .set(state.kind, payload)
    });
    if let Err(error) = set {
        failures::report(world, state.name, None, error.into());
    }
}

/// Reports that an event was not sent.
fn fail<T: PeerMessage>(world: &mut World, peer: Option<PeerId>, error: MessageError) {
    let declared = world.get_resource_or_init::<MessageKinds>().event::<T>();
    let name = declared.map_or(type_name::<T>(), |event| event.name);
    failures::report(world, name, peer, error);
}
