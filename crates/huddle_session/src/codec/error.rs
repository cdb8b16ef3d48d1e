//! The limits of the codec, and its errors.

use thiserror::Error;

/// The maximum number of enums, structs, sequences and other values that may contain each other.
pub const MAX_DEPTH: u32 = 128;

/// The maximum number of elements that a message may have in addition to its number of bytes. Only
/// elements of sequences and maps that take no bytes can exceed the number of bytes.
pub const MAX_ELEMENTS_BEYOND_BYTES: usize = 256;

/// The reason why a message could not be encoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The message is too long.
    #[error(
        "the message is {len} bytes long, but the maximum is {max}: send less at a time, or split it"
    )]
    TooLong {
        /// The length of the message, in bytes.
        len: usize,
        /// The maximum length, in bytes.
        max: usize,
    },
    /// The message is nested too deeply for the receiver.
    #[error(
        "the message is nested deeper than {MAX_DEPTH} levels{}: send a list instead, or several messages", within(.at)
    )]
    TooDeep {
        /// The path of the outermost levels, such as `next.next`.
        at: String,
    },
    /// The message has more elements than the receiver accepts for its number of bytes.
    #[error(
        "the sequences and maps of the message have {elements} elements, but the receiver accepts at most {max} in this number of bytes: send a count instead of elements that take no bytes"
    )]
    TooManyElements {
        /// The number of elements in all sequences and maps of the message.
        elements: usize,
        /// The number of elements that the receiver accepts.
        max: usize,
    },
    /// A field was skipped, so the receiver would read the next field in its place.
    #[error(
        "the field `{field}` was skipped, so the receiver cannot decode the message: remove `#[serde(skip_serializing_if)]` from the field"
    )]
    SkippedField {
        /// The path of the field, such as `item.owner`.
        field: String,
    },
    /// A sequence or map does not provide its length before its elements.
    #[error(
        "a sequence or map{} does not provide its length: replace `#[serde(flatten)]` with a plain field, or collect the elements into a `Vec`", within(.at)
    )]
    NoLength {
        /// The path of the sequence or map.
        at: String,
    },
    /// A sequence or map has a different number of elements than its length.
    #[error(
        "a sequence or map{} has {written} elements, but a length of {claimed}: fix its `Serialize` implementation", within(.at)
    )]
    WrongLength {
        /// The path of the sequence or map.
        at: String,
        /// The length that was written before the elements.
        claimed: usize,
        /// The number of elements that followed.
        written: usize,
    },
    /// The type's `Serialize` implementation returned an error.
    #[error("the type cannot be encoded{}: {reason}", within(.at))]
    Unsupported {
        /// The path of the value that failed.
        at: String,
        /// The error of the `Serialize` implementation.
        reason: String,
    },
}

/// Returns the path of a part of a message as part of a sentence.
fn within(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!(" in `{path}`")
    }
}

/// The reason why bytes could not be decoded to a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The message is too long.
    #[error("the message is {len} bytes long, but the maximum is {max}")]
    TooLong {
        /// The length of the message, in bytes.
        len: usize,
        /// The maximum length, in bytes.
        max: usize,
    },
    /// The bytes are not a valid encoding of the type.
    #[error(
        "the bytes do not match the type ({0}); do both sides run the same version of the game?"
    )]
    Malformed(String),
    /// Bytes follow the end of the message.
    #[error(
        "{0} bytes follow the end of the message; do both sides run the same version of the game?"
    )]
    TrailingBytes(usize),
}
