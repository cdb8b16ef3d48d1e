use thiserror::Error;

use crate::limits::MAX_STATE_LEN;

/// Why part of a large section makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PartError {
    /// It ends too early.
    #[error("it ends too early")]
    Truncated,
    /// The whole is empty, or longer than allowed.
    #[error("the whole has {0} bytes, and 1 to {MAX_STATE_LEN} may be sent in parts")]
    Length(u64),
    /// The whole has another length than an earlier part said.
    #[error("the whole has {is} bytes, and {was} by an earlier part")]
    LengthChanged {
        /// What it says.
        is: usize,
        /// What was said before.
        was: usize,
    },
    /// What it holds is not a run of the whole's blocks.
    #[error("{len} bytes from block {first} on are no run of blocks of {whole} bytes")]
    Blocks {
        /// The first block.
        first: u8,
        /// How many bytes it holds.
        len: usize,
        /// The length of the whole.
        whole: usize,
    },
}
