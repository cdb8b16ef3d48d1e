use thiserror::Error;

use super::{
    search::{Asks, Undecodable},
    shape::{KEY, Tree},
};
use crate::codec::{DecodeError, EncodeError};

/// Why values of a type would not survive being sent.
///
/// The encoding has neither names nor types in it, so that it stays small. What needs them cannot
/// be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SchemaError {
    /// An enum finds its variant by a tag among its fields.
    #[error(
        "{0} has `#[serde(tag = \"..\")]`, which needs names of fields, and they are not sent: remove the attribute; plain enums are sent with their variant"
    )]
    Tagged(String),
    /// A struct has fields that are written as if they were its own.
    #[error(
        "{0} has a field with `#[serde(flatten)]`, which needs names of fields, and they are not sent: remove the attribute"
    )]
    Flattened(String),
    /// A type finds out from the data what it is.
    #[error(
        "{place} expects {expects} and asks the data what it is, which is not sent: remove `#[serde(untagged)]`, or use a type with fixed fields instead of one for any data"
    )]
    SelfDescribing {
        /// Where it is.
        place: String,
        /// What it expects, in its own words.
        expects: String,
    },
    /// A made-up value is not written as a whole.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A made-up value is not read as it was written.
    #[error(
        "what its `Serialize` writes, its `Deserialize` does not read: both need the same fields and types in the same order, so a field has `#[serde(skip)]` or nothing, and a `serialize_with` that fits its `deserialize_with` ({0})"
    )]
    Unlike(DecodeError),
}

impl SchemaError {
    pub(super) fn undecodable(undecodable: &Undecodable, tree: &Tree) -> Self {
        let path = tree.path(undecodable.part);
        let expects = undecodable.expects.clone();
        match undecodable.asks {
            Asks::Name if path.ends_with(KEY) => Self::Flattened(place(path.trim_end_matches(KEY))),
            Asks::Any if expects.starts_with("internally tagged") => Self::Tagged(place(&path)),
            Asks::Name if expects == "variant identifier" => {
                let around = path.rsplit_once('.').map_or("", |(around, _)| around);
                Self::Tagged(place(around))
            }
            Asks::Any | Asks::Name | Asks::Skip => {
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
