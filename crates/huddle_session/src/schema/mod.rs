//! The shape of a type's encoding, as text that two builds of a game can compare.

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

/// The longest text of a [`Schema`], in bytes.
pub const MAX_SCHEMA_LEN: usize = 512;

/// Ends a text that was cut: these and the 16 hex digits of the hash of the whole.
const CUT_MARK: &str = "..#";

/// The shape of a message type on the wire, as canonical ASCII text such as `{x: f32, y: f32}`.
///
/// Two builds of a game can exchange a message only if its schema is the same in both. What counts
/// is what the encoding depends on: the order and types of fields, the order of variants; and the
/// names of fields and variants, because `{x, y}` and `{y, x}` take the same bytes. What does
/// not count: names of Rust types, whether they are newtypes or boxed, the compiler, and the
/// platform.
///
/// | text | stands for |
/// |---|---|
/// | `u8`, `f32`, `bool`, `char`, `str`, `bytes`, `()` | themselves |
/// | `{x: f32, y: f32}` | a struct |
/// | `(u8, str)`, `[f32; 3]` | a tuple, tuple struct or array; of one type throughout |
/// | `[u8]`, `map<u8, str>`, `option<u8>` | what has any number of elements |
/// | `enum{Idle, Run(f32), Hit{by: u8}}` | an enum |
/// | `^1` | a recursive type: the type that many levels further out |
/// | `opaque` | what could not be looked into |
///
/// The shape is found by letting the type's `Deserialize` implementation ask for its parts and
/// answering with made-up values. A part that refuses all of them hides the parts behind it, which
/// are then `opaque`: compared with nothing, so a difference there is not noticed. A text longer
/// than [`MAX_SCHEMA_LEN`] ends in a hash of the whole. Aliases of fields (`#[serde(alias)]`) do not
/// count. Names of variants do not count in an enum that has aliases of variants, because it cannot
/// be seen which is whose.
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
    /// The schema of a type. It takes some work: find it once.
    pub fn of<T: DeserializeOwned>() -> Self {
        Self::of_tree(explore::explore::<T>().tree())
    }

    /// The schema of a type whose values survive being sent, as far as can be found out without
    /// real ones: made-up values of it are encoded and decoded again.
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
    /// If a part of it cannot be decoded whatever the bytes are, or a made-up value is not read
    /// again after it was written.
    pub fn checked<T: Serialize + DeserializeOwned>() -> Result<Self, SchemaError> {
        let mut search = explore::explore::<T>();
        if let Some(undecodable) = &search.undecodable {
            return Err(SchemaError::undecodable(undecodable, search.tree()));
        }
        let mut result = Ok(());
        search.samples(|value: T| {
            result = survives(&value);
            result.is_err()
        });
        result.map(|()| Self::of_tree(search.tree()))
    }

    fn of_tree(tree: &shape::Tree) -> Self {
        Self(Self(tree.to_string()).cut(MAX_SCHEMA_LEN))
    }

    /// A schema that says nothing: for payloads that are not made from a `serde` type.
    pub fn opaque() -> Self {
        Self(shape::OPAQUE.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What tells two schemas apart.
    pub(crate) fn hash(&self) -> u64 {
        Fnv64::new().write(self.0.as_bytes()).finish()
    }

    /// The text with at most `max` bytes, which are at least 20.
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

/// Whether a value can be read again after it was written.
fn survives<T: Serialize + DeserializeOwned>(value: &T) -> Result<(), SchemaError> {
    let bytes = match codec::encode(value, usize::MAX) {
        Ok(bytes) => bytes,
        // Real values may be shorter, and may not be refused.
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
        Err(error) => Err(SchemaError::Unlike(error)),
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
