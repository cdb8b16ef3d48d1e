//! The messages about the settings of a room. The server may be hostile.

use serde::{Deserialize, Serialize};

use crate::{
    limits::MAX_METADATA_LEN,
    settings::{RoomSettings, SettingsChange},
    signaling_id::SignalingId,
};

/// The settings of the room, and the member that can change them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct WireSettings {
    keeper: SignalingId,
    open: bool,
    listed: bool,
    capacity: Capacity,
    metadata: Metadata,
}

/// A capacity above the maximum of [`RoomSettings::capacity`] counts as this maximum.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(from = "u64")]
struct Capacity(u16);

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
struct Metadata(String);

impl From<u64> for Capacity {
    fn from(players: u64) -> Self {
        Self(players.try_into().unwrap_or(u16::MAX))
    }
}

impl TryFrom<String> for Metadata {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() <= MAX_METADATA_LEN {
            Ok(Self(text))
        } else {
            Err("the metadata of the room is too long")
        }
    }
}

impl WireSettings {
    /// Returns the settings for the client with this signaling id.
    pub(crate) fn seen_by(self, local_sid: Option<SignalingId>) -> RoomSettings {
        RoomSettings {
            is_keeper: local_sid == Some(self.keeper),
            is_open: self.open,
            is_listed: self.listed,
            capacity: self.capacity.0,
            metadata: self.metadata.0,
        }
    }
}

/// The request to change settings.
#[derive(Serialize)]
enum WireRequest<'a> {
    Room(&'a SettingsChange),
}

/// Returns the request to the server to change settings.
pub(crate) fn change_request(change: &SettingsChange) -> String {
    // Plain strings, numbers and flags always serialise.
    serde_json::to_string(&WireRequest::Room(change)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEPER: SignalingId = SignalingId::from_u128(7);

    fn parse(
        open: &str,
        capacity: &str,
        metadata: &str,
    ) -> Result<WireSettings, serde_json::Error> {
        serde_json::from_str(&format!(
            r#"{{"keeper":"{KEEPER}","open":{open},"listed":true,"capacity":{capacity},"metadata":{metadata},"later":[]}}"#
        ))
    }

    #[test]
    fn settings_name_the_keeper() {
        let wire = parse("false", "8", r#""dust""#).unwrap();
        let expected = RoomSettings {
            is_keeper: true,
            is_open: false,
            is_listed: true,
            capacity: 8,
            metadata: "dust".to_owned(),
        };
        assert_eq!(wire.clone().seen_by(Some(KEEPER)), expected);
        for other in [None, Some(SignalingId::from_u128(8))] {
            assert!(!wire.clone().seen_by(other).is_keeper);
        }
    }

    #[test]
    fn hostile_settings_are_bounded_or_rejected() {
        let huge = parse("true", "18446744073709551615", r#""""#).unwrap();
        assert_eq!(huge.seen_by(None).capacity, u16::MAX);
        let long = format!("\"{}\"", "x".repeat(MAX_METADATA_LEN + 1));
        for (open, capacity, metadata) in [
            ("true", "8", long.as_str()),
            ("true", "-1", r#""""#),
            ("true", "1.5", r#""""#),
            ("true", "99999999999999999999", r#""""#),
            ("1", "8", r#""""#),
            ("true", "8", "{}"),
            ("true", "8", "null"),
        ] {
            assert!(
                parse(open, capacity, metadata).is_err(),
                "{open} {capacity}"
            );
        }
    }

    #[test]
    fn request_contains_only_the_changed_settings() {
        let mut change = SettingsChange {
            is_open: Some(false),
            ..SettingsChange::default()
        };
        assert_eq!(change_request(&change), r#"{"Room":{"open":false}}"#);
        change = SettingsChange {
            is_open: Some(true),
            is_listed: Some(false),
            capacity: Some(4),
            metadata: Some("\"dust\"".to_owned()),
        };
        assert_eq!(
            change_request(&change),
            r#"{"Room":{"open":true,"listed":false,"capacity":4,"metadata":"\"dust\""}}"#
        );
    }
}
