//! The settings of a room on the signaling server.

use bevy::prelude::*;

/// The settings of a room, a component of the room entity: which players may join it, and whether
/// the list of rooms contains it.
///
/// The signaling server sends them after each connection and when they change, which
/// [`RoomSettingsChanged`](crate::RoomSettingsChanged) reports. Rooms with `?next=N`, and rooms on
/// other servers than `huddle-signaling`, do not have this component.
///
/// The settings only apply to players who are not in the room yet. The keeper changes them with
/// [`RoomSettingsCommandsExt`](crate::RoomSettingsCommandsExt).
#[derive(Component, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct RoomSettings {
    /// Whether the local peer is the *keeper*, the only peer that can change the settings: the
    /// earliest member of the room, according to the server. It may be another peer than the
    /// [host](crate::RoomHost), which the peers choose.
    pub is_keeper: bool,
    /// Whether new players may join.
    pub is_open: bool,
    /// Whether the server's list of rooms contains the room while it is open.
    pub is_listed: bool,
    /// The number of players at which the server considers the room full.
    pub capacity: u16,
    /// A text of the game about the room. It comes from another player, so do not trust it.
    pub metadata: String,
}

impl From<huddle_mesh::RoomSettings> for RoomSettings {
    fn from(settings: huddle_mesh::RoomSettings) -> Self {
        let huddle_mesh::RoomSettings {
            is_keeper,
            is_open,
            is_listed,
            capacity,
            metadata,
        } = settings;
        Self {
            is_keeper,
            is_open,
            is_listed,
            capacity,
            metadata,
        }
    }
}
