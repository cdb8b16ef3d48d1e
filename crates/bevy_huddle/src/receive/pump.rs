//! Polls each room once per frame. The pump handles each mesh event, then all session events that
//! it caused, in order. The handlers never call the pump.

use bevy::prelude::*;
use huddle_mesh::RoomEvent;

use crate::{
    message::{failed::SendFailed, registry::PeerRef},
    peer::events::KickFailed,
    receive::{
        apply::{
            failure::{fail, finish},
            status::{update_missing_links, update_status},
        },
        mesh_events, session_events,
    },
    room::{
        components::Rooms,
        events::{ChangeSettingsFailed, SetIceServersFailed},
        join::{FailedJoin, StartingRoom, enter_started},
        link::RoomLink,
    },
    send::failures::trigger_waiting,
};

/// The maximum number of mesh events per room and frame. It prevents a flood of events from
/// freezing the game.
const MAX_EVENTS_PER_FRAME: usize = 10_000;

/// Applies everything that was received since the last frame to the world.
pub(crate) fn receive(
    world: &mut World,
    failed: &mut QueryState<Entity, With<FailedJoin>>,
    starting: &mut QueryState<(Entity, &mut StartingRoom)>,
    mut rooms: Local<Vec<Entity>>,
) {
    enter_started(world, starting);
    rooms.clear();
    // Rooms that fail in this loop are handled in the next frame. Otherwise an observer that
    // rejoins immediately could block this frame forever.
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
    trigger_waiting::<KickFailed>(world);
    trigger_waiting::<SetIceServersFailed>(world);
    trigger_waiting::<ChangeSettingsFailed>(world);
    rooms.clear();
    rooms.extend_from_slice(world.resource::<Rooms>());
    for &room in &*rooms {
        // Sending may have caused session events, such as a timeout or a kick.
        drain_session(world, room);
        receive_echoes(world, room);
        for _ in 0..MAX_EVENTS_PER_FRAME {
            let event = world
                .get_mut::<RoomLink>(room)
                .and_then(|mut link| link.poll());
            let Some(event) = event else { break };
            let is_packet = matches!(event, RoomEvent::Packet { .. });
            mesh_events::handle(world, room, event);
            if drain_session(world, room) || !is_packet {
                update_status(world, room);
            }
        }
        update_status(world, room);
        update_missing_links(world, room);
    }
}

/// Handles the events of the session until none are left, and removes peers that left and rooms
/// that failed. Returns whether it removed any.
fn drain_session(world: &mut World, room: Entity) -> bool {
    let mut has_ended = false;
    loop {
        while let Some(event) = world
            .get_mut::<RoomLink>(room)
            .and_then(|mut link| link.poll_session())
        {
            session_events::handle(world, room, event);
        }
        if !finish(world, room) {
            return has_ended;
        }
        has_ended = true;
    }
}

/// Delivers the events that the local player sent to itself.
fn receive_echoes(world: &mut World, room: Entity) {
    let Some(link) = world.get::<RoomLink>(room) else {
        return;
    };
    let Some(entity) = link.local_peer else {
        return;
    };
    let local_peer = PeerRef {
        peer_id: link.local_id(),
        entity,
    };
    let kinds = link.kinds().clone();
    for _ in 0..link.echo_count() {
        let echo = world
            .get_mut::<RoomLink>(room)
            .and_then(|mut link| link.pop_echo());
        let Some((kind, payload)) = echo else { return };
        if let Some(handler) = kinds.handler(kind)
            && let Err(error) = (handler.deliver)(world, local_peer, &payload)
        {
            log::error!(
                "\"{}\" cannot be decoded: its `Deserialize` does not read what its `Serialize` writes: {error}",
                handler.name
            );
        }
    }
}
