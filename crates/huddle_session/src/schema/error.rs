use thiserror::Error;

use super::{
    search::{Request, Undecodable},
    shape::{KEY, Tree},
};
use crate::codec::{DecodeError, EncodeError};

/// The reason why a receiver could not decode values of a type.
///
/// To stay small, the encoding contains neither field names nor types. Types that need them to
/// decode their values cannot be messages.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SchemaError {
    /// An enum is tagged by one of its fields.
    #[error(
        "{0} has `#[serde(tag = \"..\")]`, which needs field names, but messages do not contain them: remove the attribute, because enums are encoded with their variant anyway"
    )]
    Tagged(String),
    /// A struct contains a flattened field.
    #[error(
        "{0} has a field with `#[serde(flatten)]`, which needs field names, but messages do not contain them: remove the attribute"
    )]
    Flattened(String),
    /// A type chooses between representations by the encoded data.
    #[error(
        "{place} expects {expects} and needs a self-describing format, which messages do not have: remove `#[serde(untagged)]`, or use a type with fixed fields instead of one for any data"
    )]
    SelfDescribing {
        /// The path of the type.
        place: String,
        /// The type's description of the values that it expects.
        expects: String,
    },
    /// A made-up value could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A made-up value could not be decoded after it was encoded.
    #[error(
        "its `Deserialize` implementation cannot read what its `Serialize` implementation writes: both need the same fields and types in the same order; use `#[serde(skip)]` instead of skipping in one direction, and a `deserialize_with` that matches `serialize_with` ({0})"
    )]
    Mismatch(DecodeError),
}

impl SchemaError {
    pub(super) fn undecodable(undecodable: &Undecodable, tree: &Tree) -> Self {
        let path = tree.path(undecodable.part);
        let expects = undecodable.expects.clone();
        match undecodable.request {
            Request::Name if path.ends_with(KEY) => {
                Self::Flattened(place(path.trim_end_matches(KEY)))
            }
            Request::Any if expects.starts_with("internally tagged") => Self::Tagged(place(&path)),
            Request::Name if expects == "variant identifier" => {
                let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
                Self::Tagged(place(parent))
            }
            Request::Any | Request::Name | Request::Skip => {
                let place = place(&path);
                Self::SelfDescribing { place, expects }
            }
        }
    }
}

fn place(path: &str) -> String {
    if path.is_empty() {
        "the type".to_owned()
    } else {
        format!("the type of `{path}`")
    }
}
