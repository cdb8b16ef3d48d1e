//! The list of the players that have a slot.

use bytes::Bytes;
use huddle_id::PeerId;
use serde::{Deserialize, Serialize};

use crate::codec;

/// The maximum number of slots in a room.
pub const MAX_SLOTS: u8 = 32;

/// The maximum length of an encoded list, in bytes: a version, a host, a count and the members.
pub(crate) const MAX_LIST_LEN: usize = 9 + 17 + 1 + 17 * MAX_SLOTS as usize;

/// Versions are below this limit, which no room reaches in its lifetime.
const MAX_VERSION: u64 = 1 << 48;

/// A peer that claims to have seen a higher version gets no slot. Otherwise a hostile peer could
/// use up the versions of a room.
pub(crate) const MAX_SEEN_VERSION: u64 = 1 << 47;

/// The peers that have a slot in the room, as decided by the host of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotList {
    /// The version, which grows with each change.
    pub(crate) version: u64,
    /// The member that assigns slots. In a list without members, the owner of the list.
    pub(crate) host: PeerId,
    /// The members, in the order in which they got their slots.
    pub(crate) members: Vec<PeerId>,
}

/// The state of a peer's own slot, which it sends in its hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Whether the peer founds a list without waiting, because it was alone before.
    pub(crate) has_waited: bool,
    pub(crate) list: SlotList,
}

impl SlotList {
    pub(crate) fn encode(&self) -> Bytes {
        let bytes = codec::encode(self, MAX_LIST_LEN);
        debug_assert!(bytes.is_ok(), "the list has at most MAX_SLOTS members");
        bytes.unwrap_or_default()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        codec::decode(bytes, MAX_LIST_LEN).ok()
    }

    pub(crate) fn has(&self, peer: PeerId) -> bool {
        self.members.contains(&peer)
    }

    /// Returns whether a list from a peer is valid in a room with this capacity.
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
