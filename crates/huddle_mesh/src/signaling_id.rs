use std::fmt;

use huddle_id::PeerId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Identifies one connection to the signaling server. The server assigns it.
///
/// A peer gets a new signaling id each time it connects to the server, but keeps its [`PeerId`]. A
/// client of `matchbox_socket` has no other id, so its peer id is derived from the signaling id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SignalingId(Uuid);

impl SignalingId {
    /// Creates an id from a number, most significant byte first.
    pub const fn from_u128(number: u128) -> Self {
        Self(Uuid::from_u128(number))
    }

    /// Creates an id from its 16 bytes.
    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Returns the [`PeerId`] of a matchbox client, or of a peer whose certificate is not known
    /// yet.
    pub const fn peer_id(self) -> PeerId {
        PeerId::of_signaling(*self.0.as_bytes())
    }
}

/// Converts to the type of the signaling protocol.
impl From<SignalingId> for matchbox_protocol::PeerId {
    fn from(id: SignalingId) -> Self {
        Self(id.0)
    }
}

impl From<matchbox_protocol::PeerId> for SignalingId {
    fn from(id: matchbox_protocol::PeerId) -> Self {
        Self(id.0)
    }
}

impl fmt::Display for SignalingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
