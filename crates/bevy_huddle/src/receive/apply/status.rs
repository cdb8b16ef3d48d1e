//! Updates the components of a room.

use bevy::prelude::*;
use huddle_mesh::Signaling;

use crate::{
    logging::is_new_loss,
    receive::apply::trigger::trigger,
    room::{
        components::{MissingLinks, Room, RoomHost, RoomTick},
        events::{RoomSettingsChanged, RoomStatusChanged, SignalingChanged},
        join::StartingRoom,
        link::RoomLink,
        settings::RoomSettings,
        status::{ReportedStatus, RoomStatus, SignalingStatus},
    },
};

/// Updates the state of the connection to the signaling server, and reports the change.
pub(crate) fn set_signaling(world: &mut World, room: Entity, signaling: Signaling) {
    match &signaling {
        // `TokenNeeded` is logged with its own event.
        Signaling::Connecting | Signaling::TokenNeeded { .. } => {}
        Signaling::Connected { reconnected: false } => {
            log::info!("connected to the signaling server")
        }
        Signaling::Connected { reconnected: true } => {
            log::info!("reconnected to the signaling server")
        }
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
                "{reason}; retrying in {:.1} s (attempt {})",
                retry_in.as_secs_f32(),
                attempt.saturating_add(1)
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

/// Updates the settings of a room, and reports the change.
pub(crate) fn set_settings(world: &mut World, room: Entity, settings: RoomSettings) {
    if let Ok(mut entity) = world.get_entity_mut(room) {
        entity.insert(settings.clone());
        let changed = RoomSettingsChanged {
            entity: room,
            settings,
        };
        trigger(world, changed);
    }
}

/// Updates the status of a room from its signaling state and peers, and reports a change.
pub(crate) fn update_status(world: &mut World, room: Entity) {
    set_status_from_link(world, room);
    report_status(world, room);
}

pub(crate) fn set_status_from_link(world: &mut World, room: Entity) {
    let Ok(entity) = world.get_entity(room) else {
        return;
    };
    if let (Some(link), Some(signaling)) =
        (entity.get::<RoomLink>(), entity.get::<SignalingStatus>())
    {
        set_status(world, room, RoomStatus::of(signaling, link.peers.count()));
    }
}

pub(crate) fn set_status(world: &mut World, room: Entity, to: RoomStatus) {
    if let Ok(mut entity) = world.get_entity_mut(room)
        && entity.get() != Some(&to)
    {
        log::debug!("the room is {to}");
        entity.insert(to);
    }
}

/// Reports a change of status, unless an observer of an earlier event changed it back.
pub(crate) fn report_status(world: &mut World, room: Entity) {
    let Some(&to) = world.get::<RoomStatus>(room) else {
        return;
    };
    let Some(mut reported) = world.get_mut::<ReportedStatus>(room) else {
        return;
    };
    let from = std::mem::replace(&mut reported.0, to);
    if from != to {
        trigger(
            world,
            RoomStatusChanged {
                entity: room,
                from,
                to,
            },
        );
    }
}

/// Updates [`MissingLinks`] if links between peers may have changed.
pub(crate) fn update_missing_links(world: &mut World, room: Entity) {
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return;
    };
    if !std::mem::take(&mut link.peers.is_mesh_stale) {
        return;
    }
    let now = MissingLinks(link.session.missing_links());
    if let Ok(mut entity) = world.get_entity_mut(room)
        && entity.get() != Some(&now)
    {
        entity.insert(now);
    }
}

/// Leaves a room if the game removed its components.
pub(crate) fn on_room_removed(removed: On<Remove, (Room, RoomStatus)>, mut commands: Commands) {
    let room = removed.entity;
    commands.queue(move |world: &mut World| {
        if let Ok(mut room) = world.get_entity_mut(room) {
            room.remove::<(RoomLink, Room, RoomStatus, ReportedStatus, SignalingStatus)>();
            room.remove::<StartingRoom>();
            room.remove::<(RoomHost, RoomTick, RoomSettings, MissingLinks)>();
        }
    });
}
