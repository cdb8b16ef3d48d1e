//! The limits of the codec, and its errors.

use thiserror::Error;

/// How many enums, structs, sequences and so on may be within each other.
pub const MAX_DEPTH: u32 = 128;

/// How many more elements than bytes a message may have. Elements of sequences and maps that take
/// no bytes are the only reason to have more; an element that takes bytes takes at least one.
pub const MAX_ELEMENTS_BEYOND_BYTES: usize = 256;

/// Why a message could not be turned into bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The message takes too many bytes.
    #[error("it takes {len} bytes and at most {max} fit: send less at a time, or split it")]
    TooLong {
        /// What it takes.
        len: usize,
        /// What fits.
        max: usize,
    },
    /// Its parts are nested too deeply for the receiver.
    #[error(
        "it nests deeper than {MAX_DEPTH} levels{}: send a list instead, or several messages", within(.at)
    )]
    TooDeep {
        /// Where the outermost levels are, such as `next.next`.
        at: String,
    },
    /// The receiver does not take so many elements that take no bytes.
    #[error(
        "its sequences and maps have {elements} elements, and in so few bytes at most {max} are read: send how many there are instead of elements that take no bytes"
    )]
    TooManyElements {
        /// How many elements there are in all sequences and maps together.
        elements: usize,
        /// How many the receiver takes.
        max: usize,
    },
    /// A field was not written, so the receiver would take the next one for it.
    #[error(
        "the field `{field}` is left out, and then the message cannot be read: remove `#[serde(skip_serializing_if)]` from it"
    )]
    FieldLeftOut {
        /// Where the field is, such as `item.owner`.
        field: String,
    },
    /// A sequence or map does not know its length.
    #[error(
        "there is no length{} before its elements are written: replace `#[serde(flatten)]` by a plain field, or collect what has no length into a `Vec`", within(.at)
    )]
    NoLength {
        /// Where the sequence or map is.
        at: String,
    },
    /// A sequence or map has not the length that it claims.
    #[error(
        "there are {written} elements{} after a length of {claimed}: fix its `Serialize` implementation", within(.at)
    )]
    WrongLength {
        /// Where the sequence or map is.
        at: String,
        /// Its length, as written before the elements.
        claimed: usize,
        /// How many elements followed.
        written: usize,
    },
    /// The type's `Serialize` implementation refuses.
    #[error("its type cannot be encoded{}: {reason}", within(.at))]
    Unsupported {
        /// Where.
        at: String,
        /// What it says.
        reason: String,
    },
}

/// A path to a part of a message, in a sentence.
fn within(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!(" in `{path}`")
    }
}

/// Why bytes are not the message they should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// More bytes than any message may take.
    #[error("{len} bytes are more than the {max} that a message may take")]
    TooLong {
        /// What came.
        len: usize,
        /// What is allowed.
        max: usize,
    },
    /// The bytes do not fit the type.
    #[error("the bytes do not fit the type ({0}); do both sides run the same version of the game?")]
    Malformed(String),
    /// Bytes are left over.
    #[error("{0} bytes are left over; do both sides run the same version of the game?")]
    LeftOver(usize),
}
