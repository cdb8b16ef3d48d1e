//! An encoded value of a component, in memory that is reused.

use bevy::prelude::*;
use huddle_session::codec::{DecodeError, EncodeError};
use huddle_snapshot::{
    MAX_BLOB_LEN, Value,
    content::{ContentKey, Contents, Digest, MAX_CONTENT_LEN},
    id::EntityId,
};

use super::references::{put_references, take_references};
use crate::replication::entities::EntityMap;

/// An encoded value: numbers, or bytes with references to entities.
#[derive(Debug, Default)]
pub(crate) struct ValueBuffer {
    is_blob: bool,
    is_large: bool,
    /// The digest of a large value, after [`finish`](Self::finish).
    digest: Option<Digest>,
    numbers: Vec<i32>,
    /// The bytes of the value. They contain the number of a reference instead of an entity.
    bytes: Vec<u8>,
    /// The entities that the value refers to.
    references: Vec<Entity>,
    /// The references and the bytes, as they travel.
    wire: Vec<u8>,
    /// The ids of the entities that a received value refers to.
    ids: Vec<EntityId>,
}

impl ValueBuffer {
    /// Empties the buffer for numbers.
    pub(super) fn start_numbers(&mut self) -> &mut Vec<i32> {
        self.clear(false, false);
        &mut self.numbers
    }

    /// Empties the buffer for bytes and references.
    pub(super) fn start_bytes(&mut self, is_large: bool) -> (&mut Vec<u8>, &mut Vec<Entity>) {
        self.clear(true, is_large);
        (&mut self.bytes, &mut self.references)
    }

    fn clear(&mut self, is_blob: bool, is_large: bool) {
        self.is_blob = is_blob;
        self.is_large = is_large;
        self.digest = None;
        self.numbers.clear();
        self.bytes.clear();
        self.references.clear();
        self.wire.clear();
        self.ids.clear();
    }

    /// Returns `true` if the value is large, so that its digest travels instead.
    pub(crate) fn is_large(&self) -> bool {
        self.is_large
    }

    /// Replaces the entities of an encoded value by their ids.
    pub(crate) fn finish(&mut self, entities: &EntityMap) -> Result<Value<'_>, EncodeError> {
        if self.is_blob {
            let ids = self.references.iter().map(|entity| entities.id(*entity));
            let max = match self.is_large {
                true => MAX_CONTENT_LEN,
                false => MAX_BLOB_LEN,
            };
            put_references(ids, &self.bytes, max, &mut self.wire)?;
            self.digest = self.is_large.then(|| Digest::of(&self.wire));
        }
        Ok(self.value())
    }

    /// Returns the value in the record, after [`finish`](Self::finish): that of a large value is its
    /// digest.
    pub(crate) fn value(&self) -> Value<'_> {
        match &self.digest {
            Some(digest) => Value::Blob(digest.as_bytes()),
            None if self.is_blob => Value::Blob(&self.wire),
            None => Value::Numbers(&self.numbers),
        }
    }

    /// Sets the content that other peers receive to a finished value, if it is large.
    pub(crate) fn set_content(&mut self, key: ContentKey, contents: &mut Contents) {
        if self.digest.is_some() {
            self.digest = Some(contents.set(key, &self.wire));
        }
    }

    /// Reads a received value, or the content of a large one, and finds the entities that it refers to.
    pub(crate) fn read(
        &mut self,
        value: Value<'_>,
        entities: &EntityMap,
    ) -> Result<(), DecodeError> {
        match value {
            Value::Numbers(numbers) => self.start_numbers().extend_from_slice(numbers),
            Value::Blob(wire) => {
                self.clear(true, false);
                let bytes = take_references(wire, |id| {
                    let entity = id.and_then(|id| entities.entity(id));
                    self.references.push(entity.unwrap_or(Entity::PLACEHOLDER));
                    self.ids.extend(id);
                })?;
                self.bytes.extend_from_slice(bytes);
            }
        }
        Ok(())
    }

    pub(super) fn numbers(&self) -> &[i32] {
        &self.numbers
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the entities that the value refers to.
    pub(crate) fn references(&self) -> &[Entity] {
        &self.references
    }

    /// Returns the ids of the entities that a received value refers to.
    pub(crate) fn ids(&self) -> &[EntityId] {
        &self.ids
    }
}
