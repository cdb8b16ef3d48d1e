//! The id of a peer.
//!
//! `huddle_mesh` connects peers and `huddle_session` exchanges data with them. Neither crate
//! imports the other; this crate holds the one type that both need.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Identifies a peer for as long as it stays in a room.
///
/// The id survives new links, and new connections to the signaling server. It is not the id that
/// the signaling server assigns to a connection.
///
/// ```
/// use huddle_id::PeerId;
///
/// let id = PeerId::from_u128(7);
/// assert_eq!(id.to_string(), "00000000-0000-0000-0000-000000000007");
/// assert!(id < PeerId::from_u128(8));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerId(Uuid);

impl PeerId {
    /// Returns a new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Creates an id from its 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Creates an id from a number, most significant byte first. Ids order like their numbers.
    pub const fn from_u128(number: u128) -> Self {
        Self(Uuid::from_u128(number))
    }

    /// Returns the id as a number.
    pub const fn as_u128(&self) -> u128 {
        self.0.as_u128()
    }

    /// Returns the 16 bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
