//! What the network reports becomes entities, components and events, in the order in which it
//! happened.

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{LeaveReason, PeerId, RoomEvent, Signaling};
use huddle_sync::Received;

use crate::{
    JoinError, LinkStats, MessageRejected, Peer, PeerJoined, PeerLeft, PeerOf, PeerRecovered,
    PeerSuspected, RejectReason, RoomFailed, RoomState, RoomStateChanged, SignalingChanged,
    SignalingStatus, Suspect,
    join::FailedJoin,
    link::RoomLink,
    message::{MessageKinds, Sender},
};

/// How much one frame takes from one room, so that a flood cannot stop the game.
const MAX_EVENTS_PER_FRAME: usize = 10_000;

/// Brings everything that happened since the last frame into the world.
pub(crate) fn receive(
    world: &mut World,
    failed: &mut QueryState<Entity, With<FailedJoin>>,
    rooms: &mut QueryState<Entity, With<RoomLink>>,
) {
    let failed: Vec<_> = failed.iter(world).collect();
    for room in failed {
        let failed = world
            .get_entity_mut(room)
            .ok()
            .and_then(|mut room| room.take());
        if let Some(FailedJoin(error)) = failed {
            fail(world, room, error);
        }
    }
    let rooms: Vec<_> = rooms.iter(world).collect();
    for room in rooms {
        for _ in 0..MAX_EVENTS_PER_FRAME {
            let event = world
                .get_mut::<RoomLink>(room)
                .and_then(|mut link| link.poll());
            let Some(event) = event else { break };
            handle(world, room, event);
        }
        update_state(world, room);
        update_stats(world, room);
    }
}

/// Takes a peer out of a room: the event first, then the entity goes.
pub(crate) fn remove_peer(world: &mut World, room: Entity, peer: PeerId, reason: LeaveReason) {
    let entity = world
        .get_mut::<RoomLink>(room)
        .and_then(|mut link| link.remove(peer));
    let Some(entity) = entity else { return };
    log::info!("{peer} is gone: {reason:?}");
    trigger(
        world,
        PeerLeft {
            entity,
            peer,
            reason,
        },
    );
    if let Ok(entity) = world.get_entity_mut(entity) {
        entity.despawn();
    }
}

/// Takes all peers out of a room.
pub(crate) fn remove_peers(world: &mut World, room: Entity, reason: LeaveReason) {
    let peers: Vec<_> = world
        .get::<RoomLink>(room)
        .map(|link| link.peers().collect())
        .unwrap_or_default();
    for peer in peers {
        remove_peer(world, room, peer, reason);
    }
}

/// Tells of peers that the game itself despawned, and cuts them off.
pub(crate) fn on_peer_despawned(
    despawned: On<Despawn, Peer>,
    peers: Query<(&Peer, &PeerOf)>,
    mut rooms: Query<&mut RoomLink>,
    mut commands: Commands,
) {
    let entity = despawned.entity;
    let Ok((&Peer { id: peer, .. }, room)) = peers.get(entity) else {
        return;
    };
    if let Ok(mut link) = rooms.get_mut(room.0) {
        if link.entity(peer) != Some(entity) {
            return;
        }
        link.remove(peer);
        link.cut(peer);
    }
    commands.trigger(PeerLeft {
        entity,
        peer,
        reason: LeaveReason::Cut,
    });
}

fn handle(world: &mut World, room: Entity, event: RoomEvent) {
    match event {
        RoomEvent::Signaling(signaling) => set_signaling(world, room, signaling),
        RoomEvent::PeerJoined {
            peer,
            returning,
            foreign,
        } => {
            remove_peer(world, room, peer, LeaveReason::Lost);
            add_peer(world, room, Peer { id: peer, foreign }, returning);
        }
        RoomEvent::PeerSuspect(peer) => {
            if let Some(entity) = peer_entity(world, room, peer) {
                world.entity_mut(entity).insert(Suspect);
                trigger(world, PeerSuspected { entity, peer });
            }
        }
        RoomEvent::PeerRecovered(peer) => {
            if let Some(entity) = peer_entity(world, room, peer) {
                world.entity_mut(entity).remove::<Suspect>();
                trigger(world, PeerRecovered { entity, peer });
            }
        }
        RoomEvent::PeerLeft { peer, reason } => remove_peer(world, room, peer, reason),
        RoomEvent::Packet { peer, bytes, .. } => receive_packet(world, room, peer, bytes),
        RoomEvent::Overflow {
            peer,
            channel,
            dropped,
        } => {
            reject(
                world,
                room,
                peer,
                RejectReason::Overflow { channel, dropped },
            );
        }
        RoomEvent::Failed(error) => fail(world, room, error.into()),
    }
    update_state(world, room);
}

fn set_signaling(world: &mut World, room: Entity, signaling: Signaling) {
    match &signaling {
        Signaling::Connecting => {}
        Signaling::Connected { back: false } => log::info!("connected to the signaling server"),
        Signaling::Connected { back: true } => log::info!("the signaling server is back"),
        Signaling::Retrying {
            reason,
            retry_in,
            attempt,
        } => {
            log::warn!(
                "{reason}; attempt {} in {:.1} s",
                attempt + 1,
                retry_in.as_secs_f32()
            );
        }
    }
    world
        .entity_mut(room)
        .insert(SignalingStatus(signaling.clone()));
    trigger(
        world,
        SignalingChanged {
            entity: room,
            signaling,
        },
    );
}

fn add_peer(world: &mut World, room: Entity, peer: Peer, returning: bool) {
    if world.get::<RoomLink>(room).is_none() {
        return;
    }
    let entity = world.spawn((peer, PeerOf(room))).id();
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        link.add(peer.id, entity, peer.foreign);
    }
    log::info!(
        "{} {}",
        peer.id,
        if returning { "is back" } else { "joined" }
    );
    if peer.foreign {
        log::warn!(
            "{} runs a stock matchbox client: typed messages do not reach it",
            peer.id
        );
    }
    trigger(
        world,
        PeerJoined {
            entity,
            peer: peer.id,
            returning,
        },
    );
}

fn receive_packet(world: &mut World, room: Entity, peer: PeerId, bytes: Bytes) {
    let kinds = world.resource::<MessageKinds>().clone();
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    match link.receive(peer, &kinds.kinds, bytes) {
        Ok(messages) => {
            for message in messages {
                deliver(world, room, peer, &kinds, message);
            }
        }
        Err(error) => {
            let misbehaves = link.misbehaves(peer);
            reject(world, room, peer, error.into());
            if misbehaves {
                log::error!("{peer} is cut off: it keeps sending malformed packets");
                cut(world, room, peer, LeaveReason::Misbehaved);
            }
        }
    }
}

/// Ends the link to a peer and takes them out of the room.
pub(crate) fn cut(world: &mut World, room: Entity, peer: PeerId, reason: LeaveReason) {
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        link.cut(peer);
    }
    remove_peer(world, room, peer, reason);
    update_state(world, room);
}

fn deliver(world: &mut World, room: Entity, peer: PeerId, kinds: &MessageKinds, message: Received) {
    // What the game does about one message may end the link before the next.
    let Some(entity) = peer_entity(world, room, peer) else {
        return;
    };
    let (kind, payload) = match message {
        Received::Event { kind, payload } | Received::State { kind, payload } => (kind, payload),
        Received::Unknown(kind) => {
            return reject(world, room, peer, RejectReason::UnknownKind(kind));
        }
    };
    let Some(handler) = kinds.handler(kind) else {
        return;
    };
    if let Err(error) = (handler.deliver)(world, Sender { peer, entity }, &payload) {
        reject(
            world,
            room,
            peer,
            RejectReason::BadMessage {
                name: handler.name,
                error,
            },
        );
    }
}

fn reject(world: &mut World, room: Entity, peer: PeerId, reason: RejectReason) {
    let Some(entity) = peer_entity(world, room, peer) else {
        return;
    };
    let is_logged = world
        .get_mut::<RoomLink>(room)
        .is_some_and(|mut link| link.count_rejected(peer));
    if is_logged {
        log::warn!("rejected from {peer}: {reason}");
    }
    trigger(
        world,
        MessageRejected {
            entity,
            peer,
            reason,
        },
    );
}

fn fail(world: &mut World, room: Entity, error: JoinError) {
    log::error!("the room cannot be used: {error}");
    remove_peers(world, room, LeaveReason::Lost);
    if let Ok(mut entity) = world.get_entity_mut(room) {
        entity.remove::<RoomLink>();
        set_state(world, room, RoomState::Failed);
        trigger(
            world,
            RoomFailed {
                entity: room,
                error,
            },
        );
    }
}

/// Makes the room's state say what signaling and peers say.
fn update_state(world: &mut World, room: Entity) {
    let Ok(entity) = world.get_entity(room) else {
        return;
    };
    if let (Some(link), Some(signaling)) =
        (entity.get::<RoomLink>(), entity.get::<SignalingStatus>())
    {
        set_state(world, room, RoomState::of(signaling, link.peer_count()));
    }
}

fn set_state(world: &mut World, room: Entity, to: RoomState) {
    let Ok(mut entity) = world.get_entity_mut(room) else {
        return;
    };
    let from = entity.get::<RoomState>().copied().unwrap_or_default();
    if from != to {
        log::debug!("the room is {to}");
        entity.insert(to);
        trigger(
            world,
            RoomStateChanged {
                entity: room,
                from,
                to,
            },
        );
    }
}

fn update_stats(world: &mut World, room: Entity) {
    let Some(link) = world.get::<RoomLink>(room) else {
        return;
    };
    let stats: Vec<_> = link.stats().collect();
    for (entity, network) in stats {
        if let Some(mut stats) = world.get_mut::<LinkStats>(entity) {
            stats.set_if_neq(LinkStats { network });
        }
    }
}

/// The entity of a peer that is here and was not despawned.
fn peer_entity(world: &World, room: Entity, peer: PeerId) -> Option<Entity> {
    let entity = world.get::<RoomLink>(room)?.entity(peer)?;
    world.get_entity(entity).is_ok().then_some(entity)
}

/// Runs the observers of an event, and what they commanded.
fn trigger<'t>(world: &mut World, event: impl Event<Trigger<'t>: Default>) {
    world.trigger(event);
    world.flush();
}
