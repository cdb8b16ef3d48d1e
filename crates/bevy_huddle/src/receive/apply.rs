//! How rooms and peers come, change and go in the world. Each change is told by its event.

use bevy::prelude::*;
use huddle_mesh::{LeaveReason, PeerId, Signaling};
use huddle_session::{Refusal, Undelivered};

use crate::{
    events::{PeerJoined, PeerLeft, RoomFailed, RoomStateChanged, SignalingChanged},
    logging::is_new_loss,
    message::registry::Party,
    peer::components::{Peer, PeerOf},
    receive::session_events::{refused, tell},
    room::{
        components::{
            MissingLinks, Room, RoomHost, RoomState, RoomTick, Rooms, SignalingStatus, ToldState,
        },
        join::JoinError,
        link::{Departure, RoomLink},
    },
    send::failures,
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
    if let Some(twice) = joined_twice(world, room, peer) {
        return fail_joined_twice(world, twice);
    }
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

/// The later one of two rooms of this game that are the same room under two addresses, because a
/// peer in one of them is this player in the other.
fn joined_twice(world: &World, room: Entity, peer: PeerId) -> Option<Entity> {
    let rooms = world.get_resource::<Rooms>()?;
    let is_me = |room: Entity| {
        let link = world.get::<RoomLink>(room);
        link.is_some_and(|link| link.me() == peer)
    };
    let mut both = rooms
        .iter()
        .copied()
        .filter(|&other| other == room || is_me(other));
    both.nth(1)
}

fn fail_joined_twice(world: &mut World, room: Entity) {
    if let Some(url) = world.get::<Room>(room).map(|room| room.url.clone()) {
        fail(world, room, JoinError::AlreadyJoined { url });
    }
}

/// Brings a peer into a room.
pub(crate) fn add_peer(world: &mut World, room: Entity, peer: Peer, returning: bool) {
    let link = world.get::<RoomLink>(room);
    if !link.is_some_and(|link| link.knows(peer.id)) {
        return;
    }
    // The link has the entity before observers of its components can despawn it.
    let entity = world.spawn_empty().id();
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        link.arrive(peer.id, entity);
    }
    world.entity_mut(entity).insert((peer, PeerOf(room)));
    set_state_of_link(world, room);
    let link = world.get_mut::<RoomLink>(room);
    if !link.is_some_and(|mut link| link.settle(peer.id, entity)) {
        return;
    }
    log::info!(
        "{} {}",
        peer.id,
        if returning { "is back" } else { "joined" }
    );
    trigger(
        world,
        PeerJoined {
            entity,
            peer: peer.id,
            returning,
        },
    );
    tell_state(world, room);
}

/// Takes a peer out of a room: the events first, then the entity goes.
pub(crate) fn remove_peer(world: &mut World, room: Entity, peer: PeerId, reason: LeaveReason) {
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    if !link.knows(peer) {
        return;
    }
    if reason == LeaveReason::CutByPeer && link.is_pending(peer) {
        // There is no peer entity whose `PeerLeft` would say so.
        return refuse_pending(world, room, peer);
    }
    if reason != LeaveReason::Cut {
        // What was not delivered is told while the entity is there.
        link.begin_leaving(peer, reason);
        tell(world, room);
    }
    let departure = world
        .get_mut::<RoomLink>(room)
        .and_then(|mut link| link.forget(peer, reason));
    if let Some(departure) = departure {
        part(world, departure);
    }
}

fn refuse_pending(world: &mut World, room: Entity, peer: PeerId) {
    refused(world, room, peer, Refusal::Disconnected);
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        link.forget(peer, LeaveReason::CutByPeer);
    }
}

/// Triggers `PeerLeft`, and despawns the entity.
pub(crate) fn part(world: &mut World, departure: Departure) {
    let Departure {
        peer,
        entity,
        reason,
        has_joined,
    } = departure;
    failures::forget(world, peer);
    if has_joined {
        log::info!("{peer} is gone: {reason:?}");
        // Even if the game has despawned the entity: it counts who joined and who left.
        world.trigger(PeerLeft {
            entity,
            peer,
            reason,
        });
        world.flush();
    }
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

/// Disconnects a peer whose entity the game itself despawned or took out of the room.
pub(crate) fn on_peer_removed(removed: On<Remove, (Peer, PeerOf)>, mut commands: Commands) {
    let entity = removed.entity;
    commands.queue(move |world: &mut World| {
        let rooms = world.get_resource::<Rooms>().map(|rooms| rooms.to_vec());
        for room in rooms.unwrap_or_default() {
            let link = world.get::<RoomLink>(room);
            if let Some(peer) = link.and_then(|link| link.find(entity)) {
                cut(world, room, peer, LeaveReason::Cut);
            }
        }
    });
}

/// Leaves a room from whose entity the game itself took the components.
pub(crate) fn on_room_removed(removed: On<Remove, (Room, RoomState)>, mut commands: Commands) {
    let room = removed.entity;
    commands.queue(move |world: &mut World| {
        if let Ok(mut room) = world.get_entity_mut(room) {
            room.remove::<(RoomLink, Room, RoomState, ToldState, SignalingStatus)>();
            room.remove::<(RoomHost, RoomTick, MissingLinks)>();
        }
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
            let before = world.get::<SignalingStatus>(room);
            let is_new = before.is_none_or(|before| is_new_loss(&before.0, reason, *attempt));
            let level = if is_new {
                log::Level::Warn
            } else {
                log::Level::Debug
            };
            log::log!(
                level,
                "{reason}; attempt {} in {:.1} s",
                attempt.saturating_add(1),
                retry_in.as_secs_f32()
            );
        }
    }
    if let Ok(mut entity) = world.get_entity_mut(room) {
        entity.insert(SignalingStatus(signaling.clone()));
    }
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
        tell_state(world, room);
    }
}

/// Makes the room's state say what signaling and peers say, and triggers the event of a change.
pub(crate) fn update_state(world: &mut World, room: Entity) {
    set_state_of_link(world, room);
    tell_state(world, room);
}

fn set_state_of_link(world: &mut World, room: Entity) {
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
    if let Ok(mut entity) = world.get_entity_mut(room)
        && entity.get() != Some(&to)
    {
        log::debug!("the room is {to}");
        entity.insert(to);
    }
}

/// Triggers the event of a change, unless an observer of an earlier event has changed it back.
fn tell_state(world: &mut World, room: Entity) {
    let Some(&to) = world.get::<RoomState>(room) else {
        return;
    };
    let Some(mut told) = world.get_mut::<ToldState>(room) else {
        return;
    };
    let from = std::mem::replace(&mut told.0, to);
    if from != to {
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

/// Runs the observers of an event, and what they commanded. Does nothing if an observer of an
/// earlier event has despawned the entity.
pub(crate) fn trigger<'t>(world: &mut World, event: impl EntityEvent<Trigger<'t>: Default>) {
    if world.get_entity(event.event_target()).is_ok() {
        world.trigger(event);
        world.flush();
    }
}

/// As [`trigger`], once the commands before it have run.
pub(crate) fn trigger_later(
    commands: &mut Commands,
    event: impl EntityEvent<Trigger<'static>: Default> + Send,
) {
    commands.queue(move |world: &mut World| trigger(world, event));
}
