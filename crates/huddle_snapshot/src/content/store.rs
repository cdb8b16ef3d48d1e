//! The contents that are here.

use std::collections::BTreeMap;

use bytes::Bytes;
use huddle_id::PeerId;

use super::{digest::Digest, key::ContentKey};
use crate::{id::EntityId, layout::ComponentId};

/// The maximum number of bytes of all contents that come from one peer.
pub const MAX_BYTES_PER_PEER: usize = 32 * 1024 * 1024;

/// What a content counts in addition to its length, so that empty ones are limited, too.
const OVERHEAD: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Store {
    contents: BTreeMap<ContentKey, Stored>,
    /// The bytes from each peer.
    bytes: BTreeMap<PeerId, usize>,
}

#[derive(Debug)]
struct Stored {
    digest: Digest,
    content: Bytes,
    /// The peer that sent it. `None` for the local peer.
    from: Option<PeerId>,
}

impl Store {
    pub(super) fn get(&self, key: ContentKey) -> Option<&Bytes> {
        self.contents.get(&key).map(|stored| &stored.content)
    }

    pub(super) fn digest(&self, key: ContentKey) -> Option<Digest> {
        self.contents.get(&key).map(|stored| stored.digest)
    }

    pub(super) fn keys(&self, entity: EntityId) -> impl Iterator<Item = ContentKey> {
        self.contents.range(keys_of(entity)).map(|(key, _)| *key)
    }

    pub(super) fn insert_local(&mut self, key: ContentKey, digest: Digest, content: &[u8]) {
        self.insert(key, digest, content, None);
    }

    /// Inserts a content that a peer has sent, unless the peer has too many.
    pub(super) fn insert_received(
        &mut self,
        from: PeerId,
        key: ContentKey,
        digest: Digest,
        content: &[u8],
    ) -> bool {
        if !self.has_room(key, from, content.len()) {
            return false;
        }
        self.insert(key, digest, content, Some(from));
        true
    }

    /// Returns whether there is room for a content of this length from a peer.
    pub(super) fn has_room(&self, key: ContentKey, from: PeerId, len: usize) -> bool {
        let stored = self.contents.get(&key);
        let replaced = stored.filter(|stored| stored.from == Some(from));
        let replaced = replaced.map_or(0, |stored| cost(stored.content.len()));
        let bytes = self.bytes.get(&from).copied().unwrap_or_default();
        bytes - replaced + cost(len) <= MAX_BYTES_PER_PEER
    }

    fn insert(&mut self, key: ContentKey, digest: Digest, content: &[u8], from: Option<PeerId>) {
        self.remove(key);
        if let Some(from) = from {
            *self.bytes.entry(from).or_default() += cost(content.len());
        }
        let content = Bytes::copy_from_slice(content);
        self.contents.insert(
            key,
            Stored {
                digest,
                content,
                from,
            },
        );
    }

    pub(super) fn remove(&mut self, key: ContentKey) {
        if let Some(stored) = self.contents.remove(&key)
            && let Some(from) = stored.from
            && let Some(bytes) = self.bytes.get_mut(&from)
        {
            *bytes -= cost(stored.content.len());
            if *bytes == 0 {
                self.bytes.remove(&from);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.contents.is_empty()
    }

    #[cfg(any(fuzzing, test))]
    pub(super) fn bytes_from(&self, peer: PeerId) -> usize {
        self.bytes.get(&peer).copied().unwrap_or_default()
    }
}

fn cost(len: usize) -> usize {
    len + OVERHEAD
}

/// Returns the range of all components of an entity.
pub(super) fn keys_of(entity: EntityId) -> std::ops::RangeInclusive<ContentKey> {
    let key = |component| ContentKey { entity, component };
    key(ComponentId::FIRST)..=key(ComponentId::LAST)
}
