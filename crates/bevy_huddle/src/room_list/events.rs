//! The results of requests for the list of rooms.

use bevy::prelude::*;
use huddle_mesh::ListedRoom;

use crate::room_list::error::RoomListError;

/// A page of the list of rooms has arrived. Triggered on the entity that
/// [`list_rooms`](crate::RoomListCommandsExt::list_rooms) returned, before it is despawned.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct RoomsListed {
    /// The entity of the request.
    pub entity: Entity,
    /// The rooms, ordered by name. [`ListedRoom::url`] joins a room.
    pub rooms: Vec<ListedRoom>,
    /// The name with which
    /// [`list_rooms_after`](crate::RoomListCommandsExt::list_rooms_after) requests the next page.
    /// `None` on the last page.
    pub next: Option<String>,
}

/// The list of rooms cannot be loaded. Triggered on the entity that
/// [`list_rooms`](crate::RoomListCommandsExt::list_rooms) returned, before it is despawned.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct ListRoomsFailed {
    /// The entity of the request.
    pub entity: Entity,
    /// The reason. Its `Display` text describes what to do.
    pub error: RoomListError,
}
