//! What the network reports becomes entities, components and events, in the order in which it
//! happened.

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{LeaveReason, PeerId, RoomEvent};
use huddle_sync::Received;

use crate::{
    LinkStats, MessageRejected, Peer, PeerRecovered, PeerSuspected, RejectReason, Suspect,
    join::FailedJoin,
    lifecycle::{
        add_peer, cut, fail, peer_entity, remove_peer, set_signaling, trigger, update_state,
    },
    link::RoomLink,
    message::{MessageKinds, Sender},
};

/// There while the plugins are, which is when rooms work.
#[derive(Resource, Default)]
pub(crate) struct Receiving;

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
