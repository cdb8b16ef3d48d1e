//! Reports failed commands: an event for each failure, and one line in the log per peer and cause.

use std::{
    collections::HashSet,
    mem::{Discriminant, discriminant},
};

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_session::QueueError;

use crate::{
    error::MessageError,
    message::{failed::SendFailed, transfer::TransferId},
    peer::events::KickFailed,
    room::events::{ChangeSettingsFailed, SetIceServersFailed},
};

/// The maximum number of failures that are deferred to the next frame. It bounds the work of
/// observers that send again after each failure.
const MAX_WAITING: usize = 256;

/// The maximum number of causes that are remembered.
const MAX_LOGGED: usize = 1024;

/// An event that reports a failed command.
pub(crate) trait Failure: Event<Trigger<'static>: Default> + Send + Sync {
    /// Returns whether the room or peer of the failure still exists.
    fn is_current(&self, world: &World) -> bool;
}

impl Failure for SendFailed {
    fn is_current(&self, _: &World) -> bool {
        true
    }
}

impl Failure for KickFailed {
    fn is_current(&self, world: &World) -> bool {
        world.get_entity(self.entity).is_ok()
    }
}

impl Failure for SetIceServersFailed {
    fn is_current(&self, world: &World) -> bool {
        world.get_entity(self.entity).is_ok()
    }
}

impl Failure for ChangeSettingsFailed {
    fn is_current(&self, world: &World) -> bool {
        world.get_entity(self.entity).is_ok()
    }
}

/// The failures of one kind that are deferred to the next frame.
///
/// Only the first failure inside an observer is triggered immediately. Otherwise an observer that
/// retries would never return.
#[derive(Resource)]
struct Waiting<E: Failure> {
    is_triggering: bool,
    events: Vec<E>,
}

impl<E: Failure> Default for Waiting<E> {
    fn default() -> Self {
        Self {
            is_triggering: false,
            events: Vec::new(),
        }
    }
}

/// Triggers the event of a failed command, or defers it to the next frame.
pub(crate) fn trigger_failure<E: Failure>(world: &mut World, event: E) {
    let mut waiting = world.get_resource_or_init::<Waiting<E>>();
    if !waiting.is_triggering {
        trigger_now(world, event);
    } else if waiting.events.len() < MAX_WAITING {
        waiting.events.push(event);
    }
}

/// Triggers the failures that observers of failures caused in the last frame.
pub(crate) fn trigger_waiting<E: Failure>(world: &mut World) {
    let mut waiting = world.get_resource_or_init::<Waiting<E>>();
    for event in std::mem::take(&mut waiting.events) {
        if event.is_current(world) {
            trigger_now(world, event);
        }
    }
}

fn trigger_now<E: Failure>(world: &mut World, event: E) {
    world.get_resource_or_init::<Waiting<E>>().is_triggering = true;
    world.trigger(event);
    world.flush();
    world.get_resource_or_init::<Waiting<E>>().is_triggering = false;
}

/// Identifies the cause of a failure.
type Cause = (
    &'static str,
    Discriminant<MessageError>,
    Option<Discriminant<QueueError>>,
);

/// The causes that were logged.
#[derive(Resource, Default)]
struct LoggedFailures {
    /// Whether the lack of a room was logged. Having no room is normal while a game is offline.
    no_room: bool,
    causes: HashSet<(Option<PeerId>, Cause)>,
}

impl LoggedFailures {
    /// Records a failure. Returns whether it is the first one with this cause.
    fn is_new(&mut self, failed: &SendFailed) -> bool {
        let queue = match &failed.error {
            MessageError::Queue(error) => Some(discriminant(error)),
            _ => None,
        };
        let cause = (failed.message, discriminant(&failed.error), queue);
        if self.causes.len() >= MAX_LOGGED {
            self.causes.clear();
        }
        self.causes.insert((failed.peer_id, cause))
    }
}

/// Reports that a message was not sent.
pub(crate) fn report(
    world: &mut World,
    message: &'static str,
    peer_id: Option<PeerId>,
    transfer: Option<TransferId>,
    error: MessageError,
) {
    let failed = SendFailed {
        message,
        peer_id,
        transfer,
        error,
    };
    log(world, &failed);
    trigger_failure(world, failed);
}

fn log(world: &mut World, failed: &SendFailed) {
    const ONCE: &str = "this is logged once, `SendFailed` reports every case";
    let SendFailed {
        message,
        peer_id,
        error,
        ..
    } = failed;
    if *error == MessageError::NoRoom {
        return warn_no_room(world);
    }
    if world
        .get_resource_or_init::<LoggedFailures>()
        .is_new(failed)
    {
        match peer_id {
            Some(peer_id) => {
                log::warn!("\"{message}\" was not sent to {peer_id}: {error} ({ONCE})")
            }
            None => log::error!("\"{message}\" was not sent: {error} ({ONCE})"),
        }
    }
}

/// Logs once that there is no room.
fn warn_no_room(world: &mut World) {
    let mut logged = world.get_resource_or_init::<LoggedFailures>();
    if !std::mem::replace(&mut logged.no_room, true) {
        log::warn!(
            "nothing can be sent without a room (this is logged once, `SendFailed` reports every case): call `commands.join_room(\"ws://host:3536/name\")` first, or use `run_if(in_room)`"
        );
    }
}

/// Forgets the causes of a peer, so that they are logged again if the peer returns.
pub(crate) fn forget(world: &mut World, peer_id: PeerId) {
    if let Some(mut logged) = world.get_resource_mut::<LoggedFailures>() {
        logged.causes.retain(|(other, _)| *other != Some(peer_id));
    }
}
