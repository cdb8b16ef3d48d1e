use thiserror::Error;

use crate::limits::MAX_STATE_LEN;

/// Errors in a part of a large section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PartError {
    /// The part is truncated.
    #[error("the part is truncated")]
    Truncated,
    /// The whole section is empty or too long.
    #[error(
        "the whole section is {0} bytes long, but the length must be from 1 to {MAX_STATE_LEN}"
    )]
    Length(u64),
    /// The part gives another length for the whole section than an earlier part.
    #[error("the part gives a length of {is} bytes, but an earlier part gave {was}")]
    LengthChanged {
        /// The length in this part.
        is: usize,
        /// The length in the earlier part.
        was: usize,
    },
    /// The part does not contain a run of the section's blocks.
    #[error(
        "{len} bytes starting at block {first} are not a run of blocks of a section of {whole} bytes"
    )]
    Blocks {
        /// The first block.
        first: u8,
        /// The number of bytes in the part.
        len: usize,
        /// The length of the whole section.
        whole: usize,
    },
}
