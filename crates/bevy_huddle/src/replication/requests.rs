//! Requests for entities, which travel between the peer that claims an entity and its owner.

use std::sync::Arc;

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_session::{
    KindId, MAX_EVENT_LEN,
    codec::{self, DecodeError},
};
use huddle_snapshot::{claim::RequestDecision, id::EntityId};
use serde::{Deserialize, Serialize};

use crate::{
    message::registry::{Handler, PeerRef, declare},
    peer::components::PeerOf,
    replication::{room::RoomReplication, wire_id::WireId},
    room::link::RoomLink,
};

const NAME: &str = "huddle/ownership";

/// A message about the ownership of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum OwnershipMessage {
    /// The sender requests the entity.
    Request(WireId),
    /// The sender owns the entity, and keeps it.
    Denied(WireId),
    /// The sender has no link to a peer, and the receiver relays the message to it.
    Forward { to: PeerId, message: RelayedMessage },
    /// The sender relays the message of a peer without a link to the receiver.
    Forwarded {
        from: PeerId,
        message: RelayedMessage,
    },
}

/// A message that a relay forwards.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum RelayedMessage {
    Request(WireId),
    Denied(WireId),
}

/// A peer's request for an entity that the local peer owns, for the callback of
/// [`decide_ownership`](crate::replication::ReplicationAppExt::decide_ownership).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct OwnershipRequest<'a> {
    /// The entity.
    pub entity: Entity,
    /// The peer that requests it.
    pub peer_id: PeerId,
    /// The world of the app.
    pub world: &'a World,
}

type Rule = dyn Fn(OwnershipRequest<'_>) -> bool + Send + Sync;

/// The callback that decides about requests. Without one, every request is granted.
#[derive(Resource, Clone, Default)]
pub(super) struct OwnershipRule(pub(super) Option<Arc<Rule>>);

/// Registers the messages.
pub(super) fn add(app: &mut App) {
    app.init_resource::<OwnershipRule>();
    let handler = Handler {
        name: NAME,
        deliver: receive,
        undelivered: None,
    };
    declare::<OwnershipMessage>(app.world_mut(), handler);
}

/// Requests an entity from its owner.
pub(super) fn send_request(world: &mut World, room: Entity, id: EntityId, owner: PeerId) {
    send(world, room, owner, RelayedMessage::Request(id.into()));
}

/// Sends a message to a peer, possibly through its relay.
fn send(world: &mut World, room: Entity, to: PeerId, message: RelayedMessage) {
    let Some(source) = source_of(world, room, to) else {
        log::debug!("a message about ownership was not sent: there is no way to {to}");
        return;
    };
    let message = match message {
        message if source != to => OwnershipMessage::Forward { to, message },
        RelayedMessage::Request(id) => OwnershipMessage::Request(id),
        RelayedMessage::Denied(id) => OwnershipMessage::Denied(id),
    };
    queue(world, room, source, message);
}

/// Queues a message. If its queue is full, the request ends without an answer.
fn queue(world: &mut World, room: Entity, peer_id: PeerId, message: OwnershipMessage) {
    let Ok(payload) = codec::encode(&message, MAX_EVENT_LEN) else {
        return;
    };
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        let queued = link.session.queue_event(peer_id, KindId::of(NAME), payload);
        if let Err(error) = queued {
            log::warn!("a message about ownership to {peer_id} was not sent: {error}");
        }
    }
}

fn receive(world: &mut World, from: PeerRef, payload: &[u8]) -> Result<(), DecodeError> {
    let message: OwnershipMessage = codec::decode(payload, MAX_EVENT_LEN)?;
    let peer_id = from.peer_id;
    let Some(&PeerOf(room)) = world.get::<PeerOf>(from.entity) else {
        return Ok(());
    };
    match message {
        OwnershipMessage::Request(id) => {
            handle(world, room, peer_id, RelayedMessage::Request(id));
        }
        OwnershipMessage::Denied(id) => handle(world, room, peer_id, RelayedMessage::Denied(id)),
        OwnershipMessage::Forward { to, message } => {
            // A relay has links to both peers, and forwards to no other relay.
            if source_of(world, room, to) == Some(to) {
                let message = OwnershipMessage::Forwarded {
                    from: peer_id,
                    message,
                };
                queue(world, room, to, message);
            }
        }
        OwnershipMessage::Forwarded { from, message } => {
            if from != peer_id && source_of(world, room, from) == Some(peer_id) {
                handle(world, room, from, message);
            }
        }
    }
    Ok(())
}

fn source_of(world: &World, room: Entity, peer_id: PeerId) -> Option<PeerId> {
    world.get::<RoomLink>(room)?.snapshots.source_of(peer_id)
}

fn handle(world: &mut World, room: Entity, from: PeerId, message: RelayedMessage) {
    match message {
        RelayedMessage::Request(id) => decide(world, room, id.into(), from),
        RelayedMessage::Denied(id) => {
            if let Some(mut link) = world.get_mut::<RoomLink>(room) {
                link.snapshots.denied(id.into(), from);
            }
        }
    }
}

/// Decides about a request, and gives the entity away or denies it.
fn decide(world: &mut World, room: Entity, id: EntityId, peer_id: PeerId) {
    let Some(link) = world.get::<RoomLink>(room) else {
        return;
    };
    let is_granted = match link.snapshots.requested(id, peer_id) {
        RequestDecision::Granted => return,
        RequestDecision::Deny => false,
        RequestDecision::AskGame => ask_game(world, room, id, peer_id),
    };
    let given = match world.get_mut::<RoomLink>(room) {
        Some(mut link) if is_granted => link.snapshots.give(id, peer_id),
        _ => return send(world, room, peer_id, RelayedMessage::Denied(id.into())),
    };
    if let Err(error) = given {
        log::warn!("an entity was not given to {peer_id}: {error}");
        send(world, room, peer_id, RelayedMessage::Denied(id.into()));
    }
}

fn ask_game(world: &World, room: Entity, id: EntityId, peer_id: PeerId) -> bool {
    let replication = world.get::<RoomReplication>(room);
    let Some(entity) = replication.and_then(|replication| replication.entities.entity(id)) else {
        return false;
    };
    match &world.resource::<OwnershipRule>().0 {
        None => true,
        Some(rule) => rule(OwnershipRequest {
            entity,
            peer_id,
            world,
        }),
    }
}
