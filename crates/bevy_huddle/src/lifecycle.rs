//! How rooms and peers come, change and go in the world. Each change is told by its event.

use bevy::prelude::*;
use huddle_mesh::{LeaveReason, PeerId, Signaling};
use huddle_sync::Undelivered;

use crate::{
    JoinError, Peer, PeerJoined, PeerLeft, PeerOf, RoomFailed, RoomState, RoomStateChanged,
    SignalingChanged, SignalingStatus, link::RoomLink, message::Party, news::tell,
};

/// A link to a peer opened: stock clients are here at once, others once both games have agreed.
pub(crate) fn open_link(
    world: &mut World,
    room: Entity,
    peer: PeerId,
    foreign: bool,
    returning: bool,
) {
    remove_peer(world, room, peer, LeaveReason::Lost);
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    if foreign {
        link.open_foreign(peer);
        log::warn!("{peer} runs a stock matchbox client: typed messages do not reach it");
        add_peer(world, room, Peer { id: peer, foreign }, returning);
    } else {
        log::debug!("linked with {peer}");
        link.open(peer, returning);
    }
}

/// Brings a peer into a room.
pub(crate) fn add_peer(world: &mut World, room: Entity, peer: Peer, returning: bool) {
    let link = world.get::<RoomLink>(room);
    if !link.is_some_and(|link| link.knows(peer.id)) {
        return;
    }
    let entity = world.spawn((peer, PeerOf(room))).id();
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        link.add(peer.id, entity);
    }
    log::info!(
        "{} {}",
        peer.id,
        if returning { "is back" } else { "joined" }
    );
    update_state(world, room);
    trigger(
        world,
        PeerJoined {
            entity,
            peer: peer.id,
            returning,
        },
    );
}

/// Takes a peer out of a room: the events first, then the entity goes.
pub(crate) fn remove_peer(world: &mut World, room: Entity, peer: PeerId, reason: LeaveReason) {
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    if !link.knows(peer) {
        return;
    }
    if reason != LeaveReason::Cut {
        // What was not delivered is told while the entity is there.
        link.session.link_lost(peer);
        tell(world, room);
    }
    let entity = world
        .get_mut::<RoomLink>(room)
        .and_then(|mut link| link.forget(peer));
    if let Some(entity) = entity {
        part(world, entity, peer, reason);
    }
}

/// Tells that a peer is gone, and despawns the entity.
pub(crate) fn part(world: &mut World, entity: Entity, peer: PeerId, reason: LeaveReason) {
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

/// Tells of events that a peer did not confirm.
pub(crate) fn tell_undelivered(
    world: &mut World,
    room: Entity,
    peer: Party,
    events: Vec<Undelivered>,
) {
    let Some(kinds) = world.get::<RoomLink>(room).map(|link| link.kinds().clone()) else {
        return;
    };
    for Undelivered { kind, payload } in events {
        let tell = kinds.handler(kind).and_then(|handler| handler.undelivered);
        if let Some(tell) = tell
            && let Err(error) = tell(world, peer, &payload)
        {
            log::error!("an event that was not delivered cannot be read: {error}");
        }
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

/// Ends the link to a peer and takes them out of the room.
pub(crate) fn cut(world: &mut World, room: Entity, peer: PeerId, reason: LeaveReason) {
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    if !link.knows(peer) {
        return;
    }
    link.cut(peer);
    remove_peer(world, room, peer, reason);
    update_state(world, room);
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
        link.forget(peer);
        link.cut(peer);
    }
    commands.trigger(PeerLeft {
        entity,
        peer,
        reason: LeaveReason::Cut,
    });
}

/// Says how the connection to the signaling server is.
pub(crate) fn set_signaling(world: &mut World, room: Entity, signaling: Signaling) {
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
                attempt.saturating_add(1),
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

/// Ends a room for good: its peers go first.
pub(crate) fn fail(world: &mut World, room: Entity, error: JoinError) {
    log::error!("the room cannot be used: {error}");
    let reason = match error {
        JoinError::Removed { .. } => LeaveReason::Cut,
        _ => LeaveReason::Lost,
    };
    remove_peers(world, room, reason);
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
pub(crate) fn update_state(world: &mut World, room: Entity) {
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

/// The entity of a peer that is here and was not despawned.
pub(crate) fn peer_entity(world: &World, room: Entity, peer: PeerId) -> Option<Entity> {
    let entity = world.get::<RoomLink>(room)?.entity(peer)?;
    world.get_entity(entity).is_ok().then_some(entity)
}

/// Runs the observers of an event, and what they commanded.
pub(crate) fn trigger<'t>(world: &mut World, event: impl Event<Trigger<'t>: Default>) {
    world.trigger(event);
    world.flush();
}
