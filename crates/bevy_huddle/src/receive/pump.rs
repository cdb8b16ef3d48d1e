//! What the network reports becomes entities, components and events, in the order in which it
//! happened.

use bevy::{platform::time::Instant, prelude::*};
use bytes::Bytes;
use huddle_mesh::{Channel, LeaveReason, Offender, PeerId, RoomEvent};

use crate::{
    events::{
        LinkFailed, MessageRejected, PeerRecovered, PeerResumed, PeerStopped, PeerSuspected,
        RejectReason, RemovalFailed, SendFailed, SignalRejected,
    },
    message::{raw::receive_raw, registry::Party},
    peer::components::{LinkStats, Peer, PeerOf, Stopped, Suspect},
    receive::{
        apply::{
            cut, fail, open_link, peer_entity, remove_peer, set_signaling, trigger, trigger_later,
            update_state,
        },
        session_events::{show_mesh, tell},
    },
    room::{components::Rooms, join::FailedJoin, link::RoomLink},
    send::failures::trigger_waiting,
};

/// How much one frame takes from one room, so that a flood cannot stop the game.
const MAX_EVENTS_PER_FRAME: usize = 10_000;

/// Brings everything that happened since the last frame into the world.
pub(crate) fn receive(
    world: &mut World,
    failed: &mut QueryState<Entity, With<FailedJoin>>,
    mut rooms: Local<Vec<Entity>>,
) {
    rooms.clear();
    // Not those that fail meanwhile: an observer that joins again at once would hold up the frame.
    rooms.extend(failed.iter(world));
    for &room in &*rooms {
        let failure = world
            .get_entity_mut(room)
            .ok()
            .and_then(|mut room| room.take());
        if let Some(FailedJoin(error)) = failure {
            fail(world, room, error);
        }
    }
    trigger_waiting::<SendFailed>(world);
    trigger_waiting::<RemovalFailed>(world);
    rooms.clear();
    rooms.extend_from_slice(world.resource::<Rooms>());
    for &room in &*rooms {
        // What came of sending: somebody did not answer, or was removed.
        tell(world, room);
        receive_echoes(world, room);
        for _ in 0..MAX_EVENTS_PER_FRAME {
            let event = world
                .get_mut::<RoomLink>(room)
                .and_then(|mut link| link.poll());
            match event {
                Some(event) => handle(world, room, event),
                None => break,
            }
        }
        update_state(world, room);
        show_mesh(world, room);
    }
}

/// Delivers what this player has sent to everyone, this player included.
fn receive_echoes(world: &mut World, room: Entity) {
    let Some(link) = world.get::<RoomLink>(room) else {
        return;
    };
    let me = Party {
        peer: link.me(),
        entity: room,
    };
    let kinds = link.kinds().clone();
    for _ in 0..link.echo_count() {
        let echo = world
            .get_mut::<RoomLink>(room)
            .and_then(|mut link| link.pop_echo());
        let Some((kind, payload)) = echo else { return };
        if let Some(handler) = kinds.handler(kind)
            && let Err(error) = (handler.deliver)(world, me, &payload)
        {
            log::error!(
                "\"{}\" does not survive being sent: what its `Serialize` writes, its `Deserialize` does not read: {error}",
                handler.name
            );
        }
    }
}

fn handle(world: &mut World, room: Entity, event: RoomEvent) {
    match event {
        RoomEvent::Signaling(signaling) => set_signaling(world, room, signaling),
        RoomEvent::PeerJoined {
            peer,
            returning,
            foreign,
        } => {
            open_link(world, room, peer, foreign, returning);
            tell(world, room);
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
        RoomEvent::LinkReplaced(peer) => {
            if let Some(mut link) = world.get_mut::<RoomLink>(room) {
                link.session.link_replaced(peer);
            }
        }
        RoomEvent::LinkFailed {
            peer,
            reason,
            attempt,
        } => {
            if let Some(mut link) = world.get_mut::<RoomLink>(room) {
                link.set_unlinked(peer, Some(reason.clone()));
            }
            if attempt.is_power_of_two() {
                log::warn!("no link to {peer} after {attempt} attempts: {reason}");
            }
            trigger(
                world,
                LinkFailed {
                    entity: room,
                    peer,
                    reason,
                    attempt,
                },
            );
        }
        RoomEvent::LinkFailureOver(peer) => {
            if let Some(mut link) = world.get_mut::<RoomLink>(room) {
                link.set_unlinked(peer, None);
            }
        }
        RoomEvent::PeerLeft { peer, reason } => {
            remove_peer(world, room, peer, reason);
            tell(world, room);
        }
        RoomEvent::Packet {
            peer,
            channel,
            bytes,
            arrived,
        } => return receive_packet(world, room, peer, channel, bytes, arrived),
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
        RoomEvent::Offence { by, offence, count } => match by {
            Offender::Peer(peer) => {
                reject(world, room, peer, RejectReason::Offence { offence, count });
            }
            Offender::Member(_) | Offender::Server => {
                let who = match by {
                    Offender::Member(id) => format!("{id}, who is in the room"),
                    _ => "the signaling server".to_owned(),
                };
                log::warn!("{who}: {offence} ({count} by now)");
                trigger(
                    world,
                    SignalRejected {
                        entity: room,
                        by,
                        offence,
                        count,
                    },
                );
            }
        },
        RoomEvent::Failed(error) => fail(world, room, error.into()),
    }
    update_state(world, room);
}

fn receive_packet(
    world: &mut World,
    room: Entity,
    peer: PeerId,
    channel: Channel,
    bytes: Bytes,
    arrived: Instant,
) {
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    if link.is_foreign(peer) {
        return receive_raw(world, room, peer, channel, bytes);
    }
    let result = link.receive(peer, channel, bytes, arrived);
    let misbehaves = link.misbehaves(peer);
    tell(world, room);
    if let Err(error) = result {
        reject(world, room, peer, error.into());
        if misbehaves {
            log::error!("{peer} is cut off: it keeps sending malformed packets");
            cut(world, room, peer, LeaveReason::Misbehaved);
        }
    }
}

/// Tells that something that a peer sent did not reach the game; to the log alone while the peer
/// has no entity.
pub(crate) fn reject(world: &mut World, room: Entity, peer: PeerId, reason: RejectReason) {
    let is_logged = world
        .get_mut::<RoomLink>(room)
        .is_some_and(|mut link| link.count_rejected(peer));
    if is_logged {
        log::warn!("rejected from {peer}: {reason}");
    }
    if let Some(entity) = peer_entity(world, room, peer) {
        trigger(
            world,
            MessageRejected {
                entity,
                peer,
                reason,
            },
        );
    }
}

/// Refreshes what is known about the links.
pub(crate) fn update_stats(
    rooms: Query<&RoomLink>,
    mut peers: Query<(Entity, &Peer, &PeerOf, &mut LinkStats, Option<&Stopped>)>,
    mut commands: Commands,
) {
    for (entity, &Peer { id: peer, .. }, room, mut stats, before) in &mut peers {
        let Some(now) = rooms.get(room.0).ok().and_then(|link| link.stats(peer)) else {
            continue;
        };
        match now.stopped {
            Some(reason) if before != Some(&Stopped(reason)) => {
                commands.entity(entity).try_insert(Stopped(reason));
                trigger_later(
                    &mut commands,
                    PeerStopped {
                        entity,
                        peer,
                        reason,
                    },
                );
            }
            None if before.is_some() => {
                commands.entity(entity).try_remove::<Stopped>();
                trigger_later(&mut commands, PeerResumed { entity, peer });
            }
            _ => {}
        }
        stats.set_if_neq(now);
    }
}
