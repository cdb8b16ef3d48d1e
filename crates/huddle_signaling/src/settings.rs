//! The settings of a room: which clients may join it, and whether the list of rooms contains it.

use std::num::NonZeroUsize;

use matchbox_protocol::PeerId;
use serde::{Deserialize, Serialize};

/// The maximum length of a room's metadata. The server keeps the metadata of all rooms in memory.
pub(crate) const MAX_METADATA_BYTES: usize = 256;

/// A text of the game about a room, for example its name and map. The server does not interpret it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Metadata(String);

/// The metadata has more than [`MAX_METADATA_BYTES`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the metadata of a room has at most {MAX_METADATA_BYTES} bytes")]
pub(crate) struct MetadataTooLong;

impl TryFrom<String> for Metadata {
    type Error = MetadataTooLong;

    fn try_from(text: String) -> Result<Self, MetadataTooLong> {
        if text.len() <= MAX_METADATA_BYTES {
            Ok(Self(text))
        } else {
            Err(MetadataTooLong)
        }
    }
}

/// The settings of a room. Only rooms without `?next=N` have settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Settings {
    /// Whether clients that are not members may join.
    pub(crate) open: bool,
    /// Whether the list of rooms contains the room while it is open.
    pub(crate) listed: bool,
    /// The number of members at which the room is full.
    pub(crate) capacity: usize,
    pub(crate) metadata: Metadata,
}

impl Settings {
    /// Returns the settings of a new room.
    pub(crate) fn new(max_members: usize) -> Self {
        Self {
            open: true,
            listed: false,
            capacity: max_members,
            metadata: Metadata::default(),
        }
    }

    /// Changes the settings that `change` contains. A capacity above `max_members` counts as
    /// `max_members`. Returns whether a setting is different now.
    pub(crate) fn apply(&mut self, change: SettingsChange, max_members: usize) -> bool {
        let SettingsChange {
            open,
            listed,
            capacity,
            metadata,
        } = change;
        let capacity = capacity.map(|capacity| capacity.get().min(max_members));
        let changes = [
            replace(&mut self.open, open),
            replace(&mut self.listed, listed),
            replace(&mut self.capacity, capacity),
            replace(&mut self.metadata, metadata),
        ];
        changes.contains(&true)
    }
}

/// Sets a value, and returns whether it is different now.
fn replace<T: PartialEq>(value: &mut T, new: Option<T>) -> bool {
    let Some(new) = new.filter(|new| new != value) else {
        return false;
    };
    *value = new;
    true
}

/// A change of a room's settings. It changes the settings that are not `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct SettingsChange {
    pub(crate) open: Option<bool>,
    pub(crate) listed: Option<bool>,
    pub(crate) capacity: Option<NonZeroUsize>,
    pub(crate) metadata: Option<Metadata>,
}

/// The settings of a room, and the member that may change them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RoomStatus {
    /// The earliest member of the room.
    pub(crate) keeper: PeerId,
    #[serde(flatten)]
    pub(crate) settings: Settings,
}

/// An entry in the list of rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    pub(crate) name: String,
    pub(crate) players: usize,
    pub(crate) capacity: usize,
    pub(crate) metadata: Metadata,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn metadata(text: &str) -> Metadata {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn metadata_has_a_maximum_length_in_bytes() {
        let longest = "é".repeat(MAX_METADATA_BYTES / 2);
        assert!(Metadata::try_from(longest.clone()).is_ok());
        assert_eq!(Metadata::try_from(longest + "x"), Err(MetadataTooLong));
    }

    #[test]
    fn change_keeps_the_other_settings() {
        let mut settings = Settings::new(64);
        let change = |text: &str| serde_json::from_str::<SettingsChange>(text).unwrap();
        assert!(settings.apply(change(r#"{"listed":true,"metadata":"dust"}"#), 64));
        assert!(settings.apply(change(r#"{"open":false,"capacity":4}"#), 64));
        let expected = Settings {
            open: false,
            listed: true,
            capacity: 4,
            metadata: metadata("dust"),
        };
        assert_eq!(settings, expected);
        // The settings are the same, so no member needs a message.
        for same in ["{}", r#"{"open":false,"capacity":4,"metadata":"dust"}"#] {
            assert!(!settings.apply(change(same), 64), "{same}");
        }
        assert!(settings.apply(change(r#"{"capacity":1000}"#), 64));
        assert_eq!(settings.capacity, 64);
    }

    #[test]
    fn malformed_changes_are_refused() {
        for text in [
            "null",
            "[true,true,true,true]",
            r#"{"open":1}"#,
            r#"{"open":true,"open":false}"#,
            r#"{"listed":"yes"}"#,
            r#"{"capacity":0}"#,
            r#"{"capacity":-1}"#,
            r#"{"capacity":1.5}"#,
            r#"{"capacity":18446744073709551616}"#,
            r#"{"metadata":{}}"#,
            &format!(r#"{{"metadata":"{}"}}"#, "x".repeat(257)),
        ] {
            let change = serde_json::from_str::<SettingsChange>(text);
            assert!(change.is_err(), "{text}: {change:?}");
        }
    }

    #[test]
    fn messages_about_rooms_are_pinned() {
        let keeper = PeerId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
        let mut settings = Settings::new(64);
        settings.metadata = metadata("\"a\"\u{1}é");
        let status = RoomStatus { keeper, settings };
        assert_eq!(
            serde_json::to_string(&status).unwrap(),
            r#"{"keeper":"01234567-89ab-cdef-0123-456789abcdef","open":true,"listed":false,"capacity":64,"metadata":"\"a\"\u0001é"}"#
        );
        let listing = Listing {
            name: "r1".to_owned(),
            players: 2,
            capacity: 8,
            metadata: metadata("dust"),
        };
        assert_eq!(
            serde_json::to_string(&listing).unwrap(),
            r#"{"name":"r1","players":2,"capacity":8,"metadata":"dust"}"#
        );
    }
}
