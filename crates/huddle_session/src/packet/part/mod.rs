//! Sections too large for one packet, cut into blocks of which each packet carries some.
//!
//! A section of id 3 holds part of one:
//!
//! | field | bytes |
//! |---|---|
//! | id of the large section | varint |
//! | number of the message, which of those with this id it is (modulo 65536) | 2, little-endian |
//! | length of the whole, from 1 to [`MAX_STATE_LEN`] | varint |
//! | first block | 1 |
//! | that block and those after it; all are 256 bytes, but for the last of the whole | the rest |

mod receiver;
mod sender;

use std::ops::Range;

use thiserror::Error;

pub(crate) use self::{receiver::PartReceiver, sender::PartSender};
use crate::limits::MAX_STATE_LEN;

/// What is sent, lost and acked as one.
pub(crate) const BLOCK: usize = 256;

// Blocks are bits of a `u64`.
const _: () = assert!(MAX_STATE_LEN.div_ceil(BLOCK) <= 64);

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

/// A set of blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Blocks(u64);

impl Blocks {
    /// All blocks of so many bytes.
    fn of_len(len: usize) -> Self {
        Self::run(0..len.div_ceil(BLOCK))
    }

    fn run(run: Range<usize>) -> Self {
        Self(run.fold(0, |bits, block| bits | 1 << block))
    }

    fn contains(self, block: usize) -> bool {
        block < 64 && self.0 & (1 << block) != 0
    }

    fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests;
