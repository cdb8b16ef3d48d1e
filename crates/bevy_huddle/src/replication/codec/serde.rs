use bevy::{ecs::entity::EntityMapper, prelude::*};
use huddle_session::{
    Schema,
    codec::{self, DecodeError, EncodeError},
};
use huddle_snapshot::{MAX_BLOB_LEN, Shape, content::MAX_CONTENT_LEN};
use serde::{Serialize, de::DeserializeOwned};

use super::{value::ValueBuffer, value_codec::ValueCodec};

/// Encodes whole values with `serde`. The entities that a value refers to become numbers.
pub(crate) enum SerdeCodec {
    /// Values that fit into a record.
    Small,
    /// Values whose records contain a digest.
    Large,
}

impl SerdeCodec {
    const fn has_contents(&self) -> bool {
        matches!(self, Self::Large)
    }

    const fn max_len(&self) -> usize {
        match self {
            Self::Small => MAX_BLOB_LEN,
            Self::Large => MAX_CONTENT_LEN,
        }
    }
}

impl<T> ValueCodec<T> for SerdeCodec
where
    T: Component + Clone + Serialize + DeserializeOwned,
{
    fn shape(&self) -> Shape {
        Shape::Blob
    }

    fn is_large(&self) -> bool {
        self.has_contents()
    }

    fn schema(&self) -> Schema {
        match Schema::checked::<T>() {
            // Peers must agree on what the records contain.
            Ok(schema) if self.has_contents() => {
                Schema::described(&format!("large {}", schema.as_str()))
            }
            Ok(schema) => schema,
            Err(error) => panic!("cannot replicate `{}`: {error}", std::any::type_name::<T>()),
        }
    }

    fn encode(&self, value: &T, out: &mut ValueBuffer) -> Result<(), EncodeError> {
        let (bytes, references) = out.start_bytes(self.has_contents());
        let mut value = value.clone();
        T::map_entities(&mut value, &mut ToNumbers(references));
        codec::encode_into(&value, bytes, self.max_len())
    }

    fn decode(&self, value: &ValueBuffer, _: Option<&T>) -> Result<T, DecodeError> {
        let mut decoded = codec::decode(value.bytes(), self.max_len())?;
        T::map_entities(&mut decoded, &mut FromNumbers(value.references()));
        Ok(decoded)
    }
}

/// Replaces entities by their numbers in a list.
struct ToNumbers<'a>(&'a mut Vec<Entity>);

impl EntityMapper for ToNumbers<'_> {
    fn get_mapped(&mut self, source: Entity) -> Entity {
        let number = u32::try_from(self.0.len()).ok();
        self.0.push(source);
        number
            .and_then(Entity::from_raw_u32)
            .unwrap_or(Entity::PLACEHOLDER)
    }

    fn set_mapped(&mut self, _: Entity, _: Entity) {}
}

/// Replaces numbers by the entities in a list.
struct FromNumbers<'a>(&'a [Entity]);

impl EntityMapper for FromNumbers<'_> {
    fn get_mapped(&mut self, source: Entity) -> Entity {
        let entity = self.0.get(source.index_u32() as usize);
        entity.copied().unwrap_or(Entity::PLACEHOLDER)
    }

    fn set_mapped(&mut self, _: Entity, _: Entity) {}
}
