//! Run conditions for the systems of an online game.

use crate::{huddle::Huddle, room::status::RoomStatus};

/// Returns whether the app is in a room that has not failed. The id of the local peer is then
/// available, even if the signaling server cannot be reached.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// fn move_ship() {}
///
/// App::new().add_systems(FixedUpdate, move_ship.run_if(in_room));
/// ```
pub fn in_room(huddle: Huddle) -> bool {
    huddle.local_id().is_some()
}

/// Returns whether the local player is the host. Returns `false` if there is no room.
///
/// The host is the peer that has been in the room longest; see
/// [`Huddle::host`](crate::Huddle::host). A peer that has just joined is its own host until its first link
/// opens, and after a network partition two hosts meet. So do not spawn once: let a system of the host keep the number of
/// its entities right.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// fn keep_enemies() {}
///
/// App::new().add_systems(FixedUpdate, keep_enemies.run_if(is_host));
/// ```
pub fn is_host(huddle: Huddle) -> bool {
    huddle.is_host()
}

/// Returns whether at least one other peer has joined.
pub fn room_playing(huddle: Huddle) -> bool {
    huddle.status() == Some(RoomStatus::Playing)
}

/// Returns whether the room is connected and no other peer has joined.
pub fn room_waiting(huddle: Huddle) -> bool {
    huddle.status() == Some(RoomStatus::Waiting)
}

/// Returns a run condition that is true while the room has this status.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// fn show_error() {}
///
/// App::new().add_systems(Update, show_error.run_if(room_status(RoomStatus::Failed)));
/// ```
pub fn room_status(status: RoomStatus) -> impl Fn(Huddle) -> bool + Clone {
    move |huddle: Huddle| huddle.status() == Some(status)
}
