//! Sends data in each tick, and between ticks.

use bevy::prelude::*;

use crate::room::{components::RoomTick, link::RoomLink};

/// Starts a tick in every room, except in one with a match, whose steps are the ticks of the room.
pub(crate) fn begin_tick(mut rooms: Query<(&mut RoomLink, &mut RoomTick)>) {
    for (mut link, mut tick) in &mut rooms {
        if !link.is_driven_by_match {
            link.advance();
            tick.0 = link.session.tick();
        }
    }
}

/// Sends one packet per peer, and the queues of the other lanes.
pub(crate) fn send_tick(mut rooms: Query<&mut RoomLink>) {
    for mut link in &mut rooms {
        if !link.is_driven_by_match {
            link.send_tick(None);
        }
    }
}

/// Sends queued events without waiting for a tick.
///
/// A paused game runs no ticks. This system then advances the room's tick instead, because the
/// other peers wait for acks.
pub(crate) fn send_events(mut rooms: Query<(&mut RoomLink, &mut RoomTick)>) {
    for (mut link, mut tick) in &mut rooms {
        if link.is_paused() {
            link.advance();
            tick.0 = link.session.tick();
            link.send_tick(None);
        } else {
            link.send_events();
        }
    }
}
