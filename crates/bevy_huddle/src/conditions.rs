//! Run conditions: when systems of an online game run.

use crate::{huddle::Huddle, room::status::RoomStatus};

/// Whether there is a room that has not failed, connected or not. The player's own id is known
/// then.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// fn move_me() {}
///
/// App::new().add_systems(FixedUpdate, move_me.run_if(in_room));
/// ```
pub fn in_room(huddle: Huddle) -> bool {
    huddle.local_id().is_some()
}

/// Whether this player is the room's host, who decides for the room. False without a room.
///
/// The host is the player longest in the room: see [`Huddle::host`](crate::Huddle::host).
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// fn spawn_enemies() {}
///
/// App::new().add_systems(FixedUpdate, spawn_enemies.run_if(is_host));
/// ```
pub fn is_host(huddle: Huddle) -> bool {
    huddle.is_host()
}

/// Whether at least one other player is here.
pub fn playing(huddle: Huddle) -> bool {
    huddle.status() == Some(RoomStatus::Playing)
}

/// Whether the room is connected and nobody else is here.
pub fn waiting(huddle: Huddle) -> bool {
    huddle.status() == Some(RoomStatus::Waiting)
}

/// Whether the room is in this status.
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
