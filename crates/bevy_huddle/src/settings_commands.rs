//! The commands that change the settings of a room.

use bevy::prelude::*;
use huddle_mesh::{SettingsChange, SettingsError};

use crate::{
    room::{events::ChangeSettingsFailed, link::RoomLink},
    send::failures::trigger_failure,
};

/// Adds commands that change the [settings](crate::RoomSettings) of a room to [`Commands`].
///
/// Only the room's keeper can change the settings. [`RoomSettingsChanged`] reports the new settings,
/// and [`ChangeSettingsFailed`] a change that is not possible. The server receives the changes of a
/// frame together, and at most two per second.
///
/// If the connection to the server is lost, a change follows when the room is connected again. If
/// the server has forgotten the room, for example because it was restarted, the new keeper restores
/// the settings automatically. It closes a closed room again only after a minute, so that all
/// members can return first.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// #[derive(Resource)]
/// struct MatchIsRunning;
///
/// /// No player joins a running match.
/// fn close_room(rooms: Query<(Entity, &RoomSettings)>, mut commands: Commands) {
///     for (room, settings) in &rooms {
///         if settings.is_keeper && settings.is_open {
///             commands.set_room_open(room, false);
///         }
///     }
/// }
/// # App::new()
/// .add_systems(Update, close_room.run_if(resource_exists::<MatchIsRunning>))
/// # ;
/// ```
///
/// [`RoomSettingsChanged`]: crate::RoomSettingsChanged
pub trait RoomSettingsCommandsExt {
    /// Opens or closes a room. A closed room refuses new players, and the list of rooms does not
    /// contain it. Members that lost their connection can return.
    fn set_room_open(&mut self, room: Entity, is_open: bool);

    /// Adds a room to the server's list of rooms, or removes it.
    fn set_room_listed(&mut self, room: Entity, is_listed: bool);

    /// Sets the number of players at which the server considers a room full, at least 1. The
    /// server's own maximum applies as well.
    ///
    /// This does not change [`RoomOptions::capacity`](crate::RoomOptions::capacity), which all
    /// players of a room have to share.
    fn set_room_capacity(&mut self, room: Entity, players: u16);

    /// Sets the text that the list of rooms contains for a room, at most 256 bytes. Every player can
    /// read it.
    fn set_room_metadata(&mut self, room: Entity, metadata: impl Into<String>);
}

impl RoomSettingsCommandsExt for Commands<'_, '_> {
    fn set_room_open(&mut self, room: Entity, is_open: bool) {
        let change = SettingsChange {
            is_open: Some(is_open),
            ..default()
        };
        self.queue(move |world: &mut World| change_settings(world, room, change));
    }

    fn set_room_listed(&mut self, room: Entity, is_listed: bool) {
        let change = SettingsChange {
            is_listed: Some(is_listed),
            ..default()
        };
        self.queue(move |world: &mut World| change_settings(world, room, change));
    }

    fn set_room_capacity(&mut self, room: Entity, players: u16) {
        let change = SettingsChange {
            capacity: Some(players),
            ..default()
        };
        self.queue(move |world: &mut World| change_settings(world, room, change));
    }

    fn set_room_metadata(&mut self, room: Entity, metadata: impl Into<String>) {
        let change = SettingsChange {
            metadata: Some(metadata.into()),
            ..default()
        };
        self.queue(move |world: &mut World| change_settings(world, room, change));
    }
}

fn change_settings(world: &mut World, room: Entity, change: SettingsChange) {
    let result = match world.get_mut::<RoomLink>(room) {
        Some(mut link) => link.change_settings(change),
        // The room was left, has failed, or has no id of the local peer yet.
        None => Err(SettingsError::Unknown),
    };
    if let Err(error) = result {
        log::warn!("the room keeps its settings: {error}");
        let failed = ChangeSettingsFailed {
            entity: room,
            error,
        };
        trigger_failure(world, failed);
    }
}
