//! What the network reports becomes entities, components and events, in the order in which it
//! happened.

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{LeaveReason, PeerId, RoomEvent};
use huddle_sync::Received;

use crate::{
    LinkStats, MessageRejected, Peer, PeerOf, PeerRecovered, PeerSuspected, RejectReason, Suspect,
    join::FailedJoin,
    lifecycle::{
        add_peer, cut, fail, peer_entity, remove_peer, set_signaling, trigger, update_state,
    },
    link::RoomLink,
    message::{MessageKinds, Party},
    room::Rooms,
};

/// How much one frame takes from one room, so that a flood cannot stop the game.
const MAX_EVENTS_PER_FRAME: usize = 10_000;

/// Brings everything that happened since the last frame into the world.
pub(crate) fn receive(
    world: &mut World,
    failed: &mut QueryState<Entity, With<FailedJoin>>,
    mut rooms: Local<Vec<Entity>>,
) {
    while let Some(room) = failed.iter(world).next() {
        if let Some(FailedJoin(error)) = world.entity_mut(room).take() {
            fail(world, room, error);
        }
    }
    let kinds = world.resource::<MessageKinds>().clone();
    rooms.clear();
    rooms.extend_from_slice(world.resource::<Rooms>());
    for &room in &*rooms {
        receive_echoes(world, room, &kinds);
        for _ in 0..MAX_EVENTS_PER_FRAME {
            let event = world
                .get_mut::<RoomLink>(room)
                .and_then(|mut link| link.poll());
            match event {
                Some(RoomEvent::Packet { peer, bytes, .. }) => {
                    receive_packet(world, room, &kinds, peer, bytes);
                }
                Some(event) => handle(world, room, event),
                None => break,
            }
        }
        update_state(world, room);
    }
}

/// Delivers what this player has sent to everyone, this player included.
fn receive_echoes(world: &mut World, room: Entity, kinds: &MessageKinds) {
    let Some(link) = world.get::<RoomLink>(room) else {
        return;
    };
    let me = Party {
        peer: link.me(),
        entity: room,
    };
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
        RoomEvent::LinkReplaced(_) => {}
        RoomEvent::PeerLeft { peer, reason } => remove_peer(world, room, peer, reason),
        RoomEvent::Packet { .. } => {}
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

fn receive_packet(
    world: &mut World,
    room: Entity,
    kinds: &MessageKinds,
    peer: PeerId,
    bytes: Bytes,
) {
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    match link.receive(peer, &kinds.kinds, bytes) {
        Ok(messages) => {
            for message in messages {
                deliver(world, room, peer, kinds, message);
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
    if let Err(error) = (handler.deliver)(world, Party { peer, entity }, &payload) {
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

/// Refreshes what is known about the links.
pub(crate) fn update_stats(
    rooms: Query<&RoomLink>,
    mut peers: Query<(&Peer, &PeerOf, &mut LinkStats)>,
) {
    for (peer, room, mut stats) in &mut peers {
        if let Ok(link) = rooms.get(room.0)
            && let Some(now) = link.stats(peer.id)
        {
            stats.set_if_neq(now);
        }
    }
}
