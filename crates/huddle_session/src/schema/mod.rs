//! The shape of a type's encoding, as a string that two builds of a game can compare.

mod aliases;
mod error;
mod explore;
mod probe;
mod search;
mod shape;

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

pub use self::error::SchemaError;
use crate::{
    codec::{self, EncodeError},
    hash::Fnv64,
};

/// The maximum length of a [`Schema`]'s text, in bytes.
pub const MAX_SCHEMA_LEN: usize = 512;

/// Marks a shortened text. The 16 hex digits of the complete text's hash follow.
const CUT_MARK: &str = "..#";

/// The shape of a message type on the wire, as canonical ASCII text such as `{x: f32, y: f32}`.
///
/// Two builds of a game can exchange a message only if its schema is the same in both. The schema
/// contains:
///
/// - the order and types of fields, and the order of variants, because the encoding depends on
///   them;
/// - the names of fields and variants, because `{x, y}` and `{y, x}` are encoded to the same bytes.
///
/// It does not depend on the names of Rust types, on newtypes and boxes, on the compiler, or on the
/// platform.
///
/// | text | meaning |
/// |---|---|
/// | `u8`, `f32`, `bool`, `char`, `str`, `bytes`, `()` | a primitive type |
/// | `{x: f32, y: f32}` | a struct |
/// | `(u8, str)` | a tuple or tuple struct |
/// | `[f32; 3]` | an array, or a tuple whose elements have the same type |
/// | `[u8]`, `map<u8, str>`, `option<u8>` | a sequence, a map, an option |
/// | `enum{Idle, Run(f32), Hit{by: u8}}` | an enum |
/// | `^1` | a recursive type: the type this number of levels further out |
/// | `opaque` | a type with unknown content |
///
/// To find the shape, the type's `Deserialize` implementation is called with made-up values. If a
/// part rejects all of them, the parts after it stay unknown and are `opaque`. Differences in
/// opaque parts are not detected.
///
/// A text longer than [`MAX_SCHEMA_LEN`] ends with a hash of the complete text. Aliases of fields
/// (`#[serde(alias)]`) are not part of the schema. An enum with aliases of variants is described
/// without variant names, because its aliases cannot be distinguished from its names.
///
/// ```
/// use huddle_session::Schema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Pose {
///     at: [f32; 2],
///     name: Option<String>,
/// }
///
/// assert_eq!(Schema::of::<Pose>().as_str(), "{at: [f32; 2], name: option<str>}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Schema(String);

impl Schema {
    /// Returns the schema of a type. This is expensive, so call it once per type.
    pub fn of<T: DeserializeOwned>() -> Self {
        Self::of_tree(explore::explore::<T>().tree())
    }

    /// Returns the schema of a type, after checking that a receiver can decode its values. The
    /// check encodes and decodes made-up values, so it cannot find problems of all real values.
    ///
    /// ```
    /// use huddle_session::Schema;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Item {
    ///     id: u8,
    ///     #[serde(default, skip_serializing_if = "Option::is_none")]
    ///     owner: Option<u8>,
    /// }
    ///
    /// let error = Schema::checked::<Item>().unwrap_err();
    /// assert!(error.to_string().starts_with("the field `owner` was skipped"));
    /// ```
    ///
    /// # Errors
    /// Returns an error if the type has a part that can never be decoded, or if a generated value
    /// cannot be decoded after it was encoded.
    pub fn checked<T: Serialize + DeserializeOwned>() -> Result<Self, SchemaError> {
        let mut search = explore::explore::<T>();
        if let Some(undecodable) = &search.undecodable {
            return Err(SchemaError::undecodable(undecodable, search.tree()));
        }
        let mut result = Ok(());
        search.samples(|value: T| {
            result = round_trips(&value);
            result.is_err()
        });
        result.map(|()| Self::of_tree(search.tree()))
    }

    fn of_tree(tree: &shape::Tree) -> Self {
        Self(Self(tree.to_string()).cut(MAX_SCHEMA_LEN))
    }

    /// Returns a schema without content, for payloads that are not encoded from a `serde` type.
    pub fn opaque() -> Self {
        Self(shape::OPAQUE.to_owned())
    }

    /// Returns the schema of a payload that the caller describes. Two descriptions are compatible if
    /// they are equal.
    pub fn described(text: &str) -> Self {
        Self(Self(text.to_owned()).cut(MAX_SCHEMA_LEN))
    }

    /// Returns the text of the schema.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a hash of the text.
    pub(crate) fn hash(&self) -> u64 {
        Fnv64::new().write(self.0.as_bytes()).finish()
    }

    /// Returns the text, shortened to at most `max` bytes. `max` has to be at least 20.
    pub(crate) fn cut(&self, max: usize) -> String {
        let text = &self.0;
        if text.len() <= max {
            return text.clone();
        }
        let hash = format!("{CUT_MARK}{:016x}", self.hash());
        let end = text.floor_char_boundary(max.saturating_sub(hash.len()));
        format!("{}{hash}", &text[..end])
    }
}

/// Checks that a value can be decoded after it was encoded.
fn round_trips<T: Serialize + DeserializeOwned>(value: &T) -> Result<(), SchemaError> {
    let bytes = match codec::encode(value, usize::MAX) {
        Ok(bytes) => bytes,
        // A real value may be shorter and encode without an error.
        Err(
            EncodeError::TooLong { .. }
            | EncodeError::TooDeep { .. }
            | EncodeError::TooManyElements { .. }
            | EncodeError::Unsupported { .. },
        ) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match codec::decode::<T>(&bytes, bytes.len()) {
        Ok(_) => Ok(()),
        Err(error) => Err(SchemaError::Mismatch(error)),
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod checked_tests;
#[cfg(test)]
mod tests;
