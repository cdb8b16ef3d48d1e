//! An encoded value of a component, in memory that is reused.

use bevy::prelude::*;
use huddle_session::codec::{DecodeError, EncodeError};
use huddle_snapshot::{Value, id::EntityId};

use super::references::{put_references, take_references};
use crate::replication::entities::EntityMap;

/// An encoded value: numbers, or bytes with references to entities.
#[derive(Debug, Default)]
pub(crate) struct ValueBuffer {
    is_blob: bool,
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
        self.clear(false);
        &mut self.numbers
    }

    /// Empties the buffer for bytes and references.
    pub(super) fn start_bytes(&mut self) -> (&mut Vec<u8>, &mut Vec<Entity>) {
        self.clear(true);
        (&mut self.bytes, &mut self.references)
    }

    fn clear(&mut self, is_blob: bool) {
        self.is_blob = is_blob;
        self.numbers.clear();
        self.bytes.clear();
        self.references.clear();
        self.wire.clear();
        self.ids.clear();
    }

    /// Replaces the entities of an encoded value by their ids.
    pub(crate) fn finish(&mut self, entities: &EntityMap) -> Result<Value<'_>, EncodeError> {
        if self.is_blob {
            let ids = self.references.iter().map(|entity| entities.id(*entity));
            put_references(ids, &self.bytes, &mut self.wire)?;
        }
        Ok(self.value())
    }

    /// Returns the value as it travels, after [`finish`](Self::finish).
    pub(crate) fn value(&self) -> Value<'_> {
        match self.is_blob {
            true => Value::Blob(&self.wire),
            false => Value::Numbers(&self.numbers),
        }
    }

    /// Reads a received value, and finds the entities that it refers to.
    pub(crate) fn read(
        &mut self,
        value: Value<'_>,
        entities: &EntityMap,
    ) -> Result<(), DecodeError> {
        match value {
            Value::Numbers(numbers) => self.start_numbers().extend_from_slice(numbers),
            Value::Blob(wire) => {
                self.clear(true);
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
