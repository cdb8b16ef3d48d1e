use bytes::Bytes;
use huddle_id::PeerId;
use serde::{Deserialize, Serialize};

use crate::codec;

/// The most places that a room can have.
pub const MAX_PLACES: u8 = 32;

/// The longest list in bytes: a version, a host, a count and the members.
pub(crate) const MAX_LIST_LEN: usize = 9 + 17 + 1 + 17 * MAX_PLACES as usize;

/// Versions are below this. Rooms do not live long enough to get there.
const MAX_VERSION: u64 = 1 << 48;

/// Who claims to have seen a version above this gets no place, so that nobody can use up the
/// versions of a room.
pub(crate) const MAX_SEEN_VERSION: u64 = 1 << 47;

/// The players who play together, as their host has decided it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlaceList {
    /// Grows with each change.
    pub(crate) version: u64,
    /// The member that gives places; without members, the player whose list it is.
    pub(crate) host: PeerId,
    /// In the order in which they got their places.
    pub(crate) members: Vec<PeerId>,
}

/// What a player tells the others of its place before they have agreed to play together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Whether it was alone for long before it met anybody.
    pub(crate) has_waited: bool,
    pub(crate) list: PlaceList,
}

impl PlaceList {
    pub(crate) fn encode(&self) -> Bytes {
        let bytes = codec::encode(self, MAX_LIST_LEN);
        debug_assert!(bytes.is_ok(), "a room has no more places");
        bytes.unwrap_or_default()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        codec::decode(bytes, MAX_LIST_LEN).ok()
    }

    pub(crate) fn has(&self, player: PeerId) -> bool {
        self.members.contains(&player)
    }

    /// Whether a peer may tell such a list. A version near the end of the numbers is not honest.
    pub(crate) fn is_valid(&self, capacity: usize) -> bool {
        let mut members = self.members.clone();
        members.sort_unstable();
        members.dedup();
        members.len() == self.members.len()
            && members.len() <= capacity
            && (members.is_empty() || self.has(self.host))
            && self.version < MAX_VERSION
    }
}
