//! The events of rooms.

use bevy::prelude::*;
use huddle_mesh::{
    PeerId, ProtocolViolation, RoomError, SettingsError, Signaling, ViolationSource,
};

use crate::{
    error::JoinError,
    room::{settings::RoomSettings, status::RoomStatus},
};

/// A room's [`RoomStatus`] changed. Triggered on the room entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct RoomStatusChanged {
    /// The room entity.
    pub entity: Entity,
    /// The previous status.
    pub from: RoomStatus,
    /// The current status.
    pub to: RoomStatus,
}

/// The connection to the signaling server changed. Triggered on the room entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct SignalingChanged {
    /// The room entity.
    pub entity: Entity,
    /// The current state of the connection.
    pub signaling: Signaling,
}

/// A room cannot be used, or the local player was kicked from it. Triggered on the room entity.
///
/// The entity exists until the game despawns it or calls
/// [`leave_rooms`](crate::HuddleCommandsExt::leave_rooms).
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct RoomFailed {
    /// The room entity.
    pub entity: Entity,
    /// The reason. Its `Display` text describes what to do.
    pub error: JoinError,
}

/// The servers passed to [`set_ice_servers`](crate::HuddleCommandsExt::set_ice_servers) cannot be
/// used. The room keeps its previous servers. Triggered on the room entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct SetIceServersFailed {
    /// The room entity.
    pub entity: Entity,
    /// The reason. Its `Display` text describes what to do.
    pub error: RoomError,
}

/// The signaling server has sent the [`RoomSettings`] of a room for the first time, or they have
/// changed. Triggered on the room entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct RoomSettingsChanged {
    /// The room entity.
    pub entity: Entity,
    /// The current settings.
    pub settings: RoomSettings,
}

/// The local player cannot change the settings of a room with
/// [`RoomSettingsCommandsExt`](crate::RoomSettingsCommandsExt). Triggered on the room entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct ChangeSettingsFailed {
    /// The room entity.
    pub entity: Entity,
    /// The reason. Its `Display` text describes what to do.
    pub error: SettingsError,
}

/// The signaling server needs another token: the room has none, or its token has expired. Triggered
/// on the room entity.
///
/// The room waits until the game calls [`set_token`](crate::HuddleCommandsExt::set_token). Until
/// then, no new players find it. Open links are not affected.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct TokenNeeded {
    /// The room entity.
    pub entity: Entity,
    /// The server's reason: it needs a token, or does not accept the current one.
    pub reason: String,
}

/// The room has a new host: the peer that has been in the room longest, according to the local
/// peer. Triggered on the room entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct HostChanged {
    /// The room entity.
    pub entity: Entity,
    /// The new host. It may be the local peer.
    pub host: PeerId,
}

/// The room's tick jumped ahead to the tick of the other peers, because the local peer joined or
/// its game did not run for a while. Triggered on the room entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct TicksSkipped {
    /// The room entity.
    pub entity: Entity,
    /// The number of skipped ticks.
    pub ticks: u32,
}

/// The signaling server, or a member of the room that is not linked with the local peer, violated
/// the signaling protocol. The message is ignored. Triggered on the room entity at the 1st, 2nd,
/// 4th, 8th violation and so on.
///
/// After the 64th violation of a member, its signals are ignored until the connection to the server
/// ends. After the 64th violation of the server, the local peer disconnects from it and connects
/// again; see [`SignalingChanged`]. Links to peers stay open.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct SignalRejected {
    /// The room entity.
    pub entity: Entity,
    /// The source of the violation.
    pub source: ViolationSource,
    /// The latest violation.
    pub violation: ProtocolViolation,
    /// The number of violations by this source so far.
    pub count: u64,
}
