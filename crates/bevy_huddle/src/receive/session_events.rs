//! Handles the events of a room's session: compatible peers, and the messages that they send.

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::{DisconnectReason, PeerId};
use huddle_session::{KindId, SectionKind, SessionEvent, Undelivered};

use crate::{
    error::{JoinError, RejectReason},
    message::registry::PeerRef,
    peer::{
        admission::{AdmissionRule, JoinRequest},
        components::{LinkedWith, Peer},
        events::{MeshChanged, PeerKicked},
    },
    receive::{
        apply::{
            failure::fail,
            peers::{add_peer, disconnect, finish_departure, refused, remove_peer},
            rejected::reject,
            status::update_missing_links,
            trigger::trigger,
        },
        transfers::trigger_transfer_event,
    },
    room::{
        components::RoomHost,
        events::{HostChanged, TicksSkipped},
        extension::{ReceivedSection, extend},
        link::{RoomLink, peer_entity},
    },
};

/// Handles an event of the session.
pub(super) fn handle(world: &mut World, room: Entity, event: SessionEvent) {
    update_host(world, room);
    match event {
        SessionEvent::JoinRequested { peer_id, data } => admit(world, room, peer_id, &data),
        SessionEvent::Joined { peer_id } => {
            let link = world.get::<RoomLink>(room);
            let rejoined = link.is_some_and(|link| link.peers.has_rejoined(peer_id));
            let peer = Peer {
                id: peer_id,
                is_matchbox_client: false,
            };
            add_peer(world, room, peer, rejoined);
        }
        SessionEvent::Left { peer_id } => {
            extend(world, |extension, world| {
                (extension.restarted)(world, room, peer_id);
            });
            let departure = world
                .get_mut::<RoomLink>(room)
                .and_then(|mut link| link.peers.take_entity(peer_id, DisconnectReason::Lost));
            if let Some(departure) = departure {
                finish_departure(world, departure);
            }
        }
        SessionEvent::Refused { peer_id, refusal } => refused(world, room, peer_id, refusal),
        SessionEvent::Ended { peer_id } => {
            if let Some(mut link) = world.get_mut::<RoomLink>(room) {
                link.disconnect(peer_id);
            }
            remove_peer(world, room, peer_id, DisconnectReason::DisconnectedLocally);
        }
        SessionEvent::Event {
            peer_id,
            kind,
            payload,
        } => deliver(world, room, peer_id, kind, &payload),
        SessionEvent::Undelivered { peer_id, events } => {
            if let Some(entity) = peer_entity(world, room, peer_id) {
                report_undelivered(world, room, PeerRef { peer_id, entity }, events);
            }
        }
        SessionEvent::Transfer { peer_id, event } => {
            trigger_transfer_event(world, room, peer_id, event)
        }
        SessionEvent::Section {
            peer_id,
            kind: SectionKind::Inputs,
            seq,
            tick: _,
            payload,
            arrived,
            rtt,
        } => {
            let section = ReceivedSection {
                peer_id,
                packet: seq,
                payload,
                arrived,
                rtt,
            };
            extend(world, |extension, world| {
                (extension.section)(world, room, section);
            });
        }
        SessionEvent::Section {
            peer_id,
            kind: SectionKind::Snapshots,
            seq,
            tick,
            payload,
            arrived,
            ..
        } => {
            let received = world
                .get_mut::<RoomLink>(room)
                .map(|mut link| link.receive_snapshots(peer_id, seq, tick, arrived, &payload));
            if let Some(Err(error)) = received {
                reject(world, room, peer_id, error.into());
            }
        }
        SessionEvent::MeshChanged { peer_id } => mesh_changed(world, room, peer_id),
        SessionEvent::HostChanged { host } => trigger(world, HostChanged { entity: room, host }),
        SessionEvent::Full { capacity } => fail(world, room, JoinError::Full { capacity }),
        SessionEvent::Kicked {
            peer_id,
            requested_by,
        } => kicked(world, room, peer_id, requested_by),
        SessionEvent::TicksSkipped { ticks } => {
            log::debug!("skipped {ticks} ticks to catch up with the other peers");
            trigger(
                world,
                TicksSkipped {
                    entity: room,
                    ticks,
                },
            );
        }
    }
}

/// Updates the room's host. A player that joins a room learns about its host together with the first peer, so an observer
/// of `PeerJoined` already reads the host that `HostChanged` reports next.
fn update_host(world: &mut World, room: Entity) {
    if let Some(link) = world.get::<RoomLink>(room)
        && let host = RoomHost(link.session.host())
        && world.get(room) != Some(&host)
    {
        world.entity_mut(room).insert(host);
    }
}

fn admit(world: &mut World, room: Entity, peer_id: PeerId, data: &[u8]) {
    let verdict = match world.get_resource::<AdmissionRule>().cloned() {
        None => Ok(()),
        Some(rule) => rule.decide(JoinRequest {
            peer_id,
            data,
            room,
            world,
        }),
    };
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        let now = link.now();
        link.session.admit(peer_id, verdict, now);
    }
}

/// Delivers a message to its handler.
fn deliver(world: &mut World, room: Entity, peer_id: PeerId, kind: KindId, payload: &Bytes) {
    // The game may have closed the link while it handled an earlier message.
    let Some(entity) = peer_entity(world, room, peer_id) else {
        return;
    };
    let handler = world
        .get::<RoomLink>(room)
        .and_then(|link| link.kinds().handler(kind));
    if let Some(handler) = handler
        && let Err(error) = (handler.deliver)(world, PeerRef { peer_id, entity }, payload)
    {
        let name = handler.name;
        reject(
            world,
            room,
            peer_id,
            RejectReason::BadMessage { name, error },
        );
    }
}

/// Reports the events that a peer did not acknowledge.
fn report_undelivered(world: &mut World, room: Entity, to: PeerRef, events: Vec<Undelivered>) {
    let Some(kinds) = world.get::<RoomLink>(room).map(|link| link.kinds().clone()) else {
        return;
    };
    for Undelivered { kind, payload } in events {
        let trigger = kinds.handler(kind).and_then(|handler| handler.undelivered);
        if let Some(trigger) = trigger
            && let Err(error) = trigger(world, to, &payload)
        {
            log::error!("cannot decode an undelivered event: {error}");
        }
    }
}

fn mesh_changed(world: &mut World, room: Entity, peer_id: PeerId) {
    let Some(entity) = peer_entity(world, room, peer_id) else {
        return;
    };
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    link.peers.is_mesh_stale = true;
    let now = LinkedWith(link.session.links_of(peer_id));
    if world.get::<LinkedWith>(entity) != Some(&now)
        && let Ok(mut peer_entity) = world.get_entity_mut(entity)
    {
        peer_entity.insert(now);
        update_missing_links(world, room);
        trigger(world, MeshChanged { entity, peer_id });
    }
}

fn kicked(world: &mut World, room: Entity, peer_id: PeerId, requested_by: Vec<PeerId>) {
    let Some(link) = world.get::<RoomLink>(room) else {
        return;
    };
    if link.local_id() == peer_id {
        return fail(world, room, JoinError::Kicked { requested_by });
    }
    if let Some(entity) = peer_entity(world, room, peer_id) {
        log::info!("{peer_id} was kicked from the room");
        trigger(
            world,
            PeerKicked {
                entity,
                peer_id,
                requested_by,
            },
        );
    }
    if let Some(mut link) = world.get_mut::<RoomLink>(room) {
        // Send the kick request of the local peer first, so that the kicked peer learns the reason.
        link.send_events();
    }
    disconnect(world, room, peer_id, DisconnectReason::DisconnectedLocally);
}
