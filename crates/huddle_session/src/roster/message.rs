//! The messages of the roster.

use bytes::Bytes;
use huddle_id::PeerId;
use serde::{Deserialize, Serialize};

use crate::{
    capacity::SlotList,
    codec::{self, DecodeError, EncodeError},
};

/// The maximum number of links in a report.
pub(crate) const MAX_LINKS: usize = 64;

/// The maximum length of a report in bytes: its kind, a tick, a count, and 17 for each link. A list
/// of slots is shorter.
const MAX_REPORT_LEN: usize = 1 + 5 + 1 + 17 * MAX_LINKS;

/// A message about the room, exchanged between its members. It is sent as an event with the name
/// [`NAME`](Self::NAME).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RosterMessage {
    /// The peers that the sender is linked with, at most [`MAX_LINKS`].
    Links {
        /// The tick at which the sender joined.
        joined: u32,
        /// The linked peers.
        peers: Vec<PeerId>,
    },
    /// The sender requests that a player be kicked. This is an order from the host, or a vote under
    /// [`KickPolicy::Majority`](super::KickPolicy::Majority).
    #[serde(rename = "Remove")] // Part of the schema that peers compare.
    Kick(PeerId),
    /// The players that have a slot, in a room with a capacity.
    #[serde(rename = "Places")] // Part of the schema that peers compare.
    Slots(SlotList),
}

impl RosterMessage {
    /// The name of the event. The room declares it beside the game's kinds.
    pub(crate) const NAME: &'static str = "huddle/roster";

    /// Encodes the message.
    ///
    /// # Errors
    /// Returns an error if the message has more than [`MAX_LINKS`].
    pub(crate) fn encode(&self) -> Result<Bytes, EncodeError> {
        codec::encode(self, MAX_REPORT_LEN)
    }

    /// Decodes a message from another peer.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a valid message.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, MAX_REPORT_LEN)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::Schema;
    use huddle_id::PeerId;

    fn links(count: u8) -> RosterMessage {
        RosterMessage::Links {
            joined: u32::MAX,
            peers: (0..count).map(|n| PeerId::from_bytes([n; 16])).collect(),
        }
    }

    #[test]
    fn message_encoding_matches_golden_bytes() {
        let hex = |message: RosterMessage| {
            let bytes = message.encode().unwrap();
            bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()
        };
        let id = |n: &str| format!("10{}", n.repeat(16));
        let message = RosterMessage::Links {
            joined: 700,
            peers: vec![PeerId::from_bytes([1; 16]), PeerId::from_bytes([2; 16])],
        };
        assert_eq!(hex(message), format!("00fbbc0202{}{}", id("01"), id("02")));
        assert_eq!(
            hex(RosterMessage::Kick(PeerId::from_bytes([3; 16]))),
            format!("01{}", id("03"))
        );
    }

    #[test]
    fn report_is_limited_to_the_maximum_number_of_links() {
        let most = links(MAX_LINKS as u8);
        let bytes = most.encode().unwrap();
        assert_eq!(bytes.len(), MAX_REPORT_LEN);
        assert_eq!(RosterMessage::decode(&bytes), Ok(most));
        assert!(links(MAX_LINKS as u8 + 1).encode().is_err());
        // A small tick does not make space for more links.
        let mut crowded = vec![0, 0, 65];
        for n in 0..65 {
            crowded.push(16);
            crowded.extend([n; 16]);
        }
        assert!(RosterMessage::decode(&crowded).is_err());
    }

    #[test]
    fn schema_of_roster_messages_is_stable() {
        assert_eq!(
            Schema::of::<RosterMessage>().as_str(),
            "enum{Links{joined: u32, peers: [bytes]}, Remove(bytes), Places({version: u64, host: bytes, members: [bytes]})}"
        );
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = RosterMessage::decode(&bytes) {
                prop_assert_eq!(RosterMessage::decode(&message.encode().unwrap()), Ok(message));
            }
        }
    }
}
