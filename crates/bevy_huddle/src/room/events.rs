//! What happens to a room.

use bevy::prelude::*;
use huddle_mesh::{PeerId, ProtocolViolation, Signaling, ViolationSource};

use crate::{error::JoinError, room::status::RoomStatus};

/// A room's [`RoomStatus`] changed. Triggered on the room entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct RoomStatusChanged {
    /// The room entity.
    pub entity: Entity,
    /// What it was.
    pub from: RoomStatus,
    /// What it is.
    pub to: RoomStatus,
}

/// The connection to the signaling server changed. Triggered on the room entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct SignalingChanged {
    /// The room entity.
    pub entity: Entity,
    /// What it is now.
    pub signaling: Signaling,
}

/// A room cannot be used, or this player was kicked from it. Triggered on the room entity, which
/// stays until it is despawned or [`leave_rooms`](crate::HuddleCommandsExt::leave_rooms) is called.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct RoomFailed {
    /// The room entity.
    pub entity: Entity,
    /// Why, and what to do: show its `Display` text.
    pub error: JoinError,
}

/// Somebody else is the host: the player longest in the room, as far as this player knows.
/// Triggered on the room entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct HostChanged {
    /// The room entity.
    pub entity: Entity,
    /// Who; maybe this player.
    pub host: PeerId,
}

/// The room's tick jumped ahead, because the others were: this player joined, or their game did
/// not run for a while. Triggered on the room entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct TicksSkipped {
    /// The room entity.
    pub entity: Entity,
    /// How many ticks were left out.
    pub ticks: u32,
}

/// Somebody in the room who is not linked with this player, or the signaling server, broke the
/// rules of signaling. What they sent did nothing. Triggered on the room entity, with their 1st,
/// 2nd, 4th, 8th violation and so on.
///
/// With the 64th a member's signals are ignored for as long as this connection to the server lasts,
/// and a server is left and tried again, see [`SignalingChanged`]. Links to peers are not touched.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct SignalRejected {
    /// The room entity.
    pub entity: Entity,
    /// Who.
    pub by: ViolationSource,
    /// What it was this time.
    pub violation: ProtocolViolation,
    /// How many it has been.
    pub count: u64,
}
