//! The settings of a room on the signaling server.

use serde::Serialize;
use thiserror::Error;

use crate::limits::MAX_METADATA_LEN;

/// The settings of a room: which players may join it, and whether the list of rooms contains it.
///
/// The signaling server applies them to players who are not in the room yet. They do not affect
/// members and links. Only `huddle-signaling` has settings, and only for rooms without `?next=N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSettings {
    /// Whether the local peer is the *keeper*: the earliest member of the room, according to the
    /// server. Only the keeper can change the settings.
    pub is_keeper: bool,
    /// Whether new players may join.
    pub is_open: bool,
    /// Whether the server's list of rooms contains the room while it is open.
    pub is_listed: bool,
    /// The number of players at which the room is full.
    pub capacity: u16,
    /// A text of the game about the room. It comes from another player, so do not trust it.
    pub metadata: String,
}

/// A change of a room's settings. It keeps the settings that are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SettingsChange {
    /// See [`RoomSettings::is_open`].
    #[serde(rename = "open", skip_serializing_if = "Option::is_none")]
    pub is_open: Option<bool>,
    /// See [`RoomSettings::is_listed`].
    #[serde(rename = "listed", skip_serializing_if = "Option::is_none")]
    pub is_listed: Option<bool>,
    /// See [`RoomSettings::capacity`]. At least 1. The server has a maximum of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u16>,
    /// See [`RoomSettings::metadata`]. At most 256 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
}

/// The settings that a client gives a room if it creates it. They are parameters of the room's URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NewRoom {
    pub(crate) is_listed: bool,
    pub(crate) capacity: Option<u16>,
    pub(crate) metadata: String,
}

/// Why the settings of a room cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// The capacity is 0.
    #[error("a room cannot have a capacity of 0: choose at least 1 player")]
    NoCapacity,
    /// The metadata is too long.
    #[error(
        "the metadata of a room is {0} bytes long, but the maximum is {max}: shorten it",
        max = MAX_METADATA_LEN
    )]
    MetadataTooLong(usize),
    /// The room's URL has `?next=N`.
    #[error(
        "a room with `?next=N` has no settings, because the server chooses its players: remove `?next=N` or the settings"
    )]
    Group,
    /// The server has not sent the settings of the room.
    #[error(
        "the signaling server has sent no settings of this room: try again when the room is connected; rooms with `?next=N` have none, and neither do other servers than huddle-signaling"
    )]
    Unknown,
    /// The local peer is not the keeper.
    #[error(
        "only the keeper of a room can change its settings: the player who has been in it longest"
    )]
    NotKeeper,
}

impl SettingsChange {
    /// Rejects a change that the server would not accept.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        check(self.capacity, self.metadata.as_deref())
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds a newer change.
    pub(crate) fn merge(&mut self, newer: Self) {
        self.is_open = newer.is_open.or(self.is_open);
        self.is_listed = newer.is_listed.or(self.is_listed);
        self.capacity = newer.capacity.or(self.capacity);
        self.metadata = newer.metadata.or_else(|| self.metadata.take());
    }

    /// Returns the part of the change that makes a difference.
    pub(crate) fn of(self, settings: &RoomSettings) -> Self {
        Self {
            is_open: self.is_open.filter(|open| *open != settings.is_open),
            is_listed: self
                .is_listed
                .filter(|listed| *listed != settings.is_listed),
            capacity: self
                .capacity
                .filter(|capacity| *capacity != settings.capacity),
            metadata: self.metadata.filter(|text| *text != settings.metadata),
        }
    }
}

impl RoomSettings {
    pub(crate) fn apply(&mut self, change: &SettingsChange) {
        self.is_open = change.is_open.unwrap_or(self.is_open);
        self.is_listed = change.is_listed.unwrap_or(self.is_listed);
        self.capacity = change.capacity.unwrap_or(self.capacity);
        if let Some(metadata) = &change.metadata {
            self.metadata.clone_from(metadata);
        }
    }
}

impl NewRoom {
    /// Rejects settings that the server would not accept.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        check(self.capacity, Some(&self.metadata))
    }

    /// Returns the parameters of the room's URL.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'static str, String)> {
        let metadata = Some(self.metadata.clone()).filter(|text| !text.is_empty());
        let parameters = [
            ("listed", self.is_listed.then(|| "1".to_owned())),
            ("capacity", self.capacity.map(|players| players.to_string())),
            ("metadata", metadata),
        ];
        parameters
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
    }
}

fn check(capacity: Option<u16>, metadata: Option<&str>) -> Result<(), SettingsError> {
    match metadata {
        _ if capacity == Some(0) => Err(SettingsError::NoCapacity),
        Some(text) if text.len() > MAX_METADATA_LEN => {
            Err(SettingsError::MetadataTooLong(text.len()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> RoomSettings {
        RoomSettings {
            is_keeper: true,
            is_open: true,
            is_listed: true,
            capacity: 4,
            metadata: "dust".to_owned(),
        }
    }

    #[test]
    fn change_that_makes_no_difference_is_empty() {
        let mut change = SettingsChange {
            is_open: Some(true),
            metadata: Some("dust".to_owned()),
            ..SettingsChange::default()
        };
        assert!(change.clone().of(&settings()).is_empty());
        change.capacity = Some(2);
        let difference = SettingsChange {
            capacity: Some(2),
            ..SettingsChange::default()
        };
        assert_eq!(change.of(&settings()), difference);
    }

    #[test]
    fn newer_change_replaces_only_the_settings_that_it_contains() {
        let mut merged = SettingsChange {
            is_open: Some(false),
            metadata: Some("ice".to_owned()),
            ..SettingsChange::default()
        };
        merged.merge(SettingsChange {
            is_open: Some(true),
            capacity: Some(8),
            ..SettingsChange::default()
        });
        let mut changed = settings();
        changed.apply(&merged);
        let expected = RoomSettings {
            capacity: 8,
            metadata: "ice".to_owned(),
            ..settings()
        };
        assert_eq!(changed, expected);
    }

    #[test]
    fn settings_that_the_server_would_refuse_are_rejected() {
        let new_room = |capacity, len| NewRoom {
            is_listed: true,
            capacity,
            metadata: "x".repeat(len),
        };
        assert_eq!(new_room(Some(1), MAX_METADATA_LEN).check(), Ok(()));
        assert_eq!(new_room(Some(0), 1).check(), Err(SettingsError::NoCapacity));
        assert_eq!(
            new_room(None, 257).check(),
            Err(SettingsError::MetadataTooLong(257))
        );
        let too_long = SettingsChange {
            metadata: Some("é".repeat(129)),
            ..SettingsChange::default()
        };
        assert_eq!(too_long.check(), Err(SettingsError::MetadataTooLong(258)));
    }

    #[test]
    fn parameters_contain_only_what_the_game_set() {
        let parameters = |new_room: NewRoom| new_room.parameters().collect::<Vec<_>>();
        assert_eq!(parameters(NewRoom::default()), []);
        let new_room = NewRoom {
            is_listed: true,
            capacity: Some(4),
            metadata: "dust & ice".to_owned(),
        };
        let expected = [
            ("listed", "1".to_owned()),
            ("capacity", "4".to_owned()),
            ("metadata", "dust & ice".to_owned()),
        ];
        assert_eq!(parameters(new_room), expected);
    }
}
