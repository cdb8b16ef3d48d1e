//! The blocks that a large section is split into.

use std::ops::Range;

use crate::limits::MAX_STATE_LEN;

/// The length of a block, the unit that is sent, lost and acked.
pub(crate) const BLOCK: usize = 256;

// Blocks are bits of a `u64`.
const _: () = assert!(MAX_STATE_LEN.div_ceil(BLOCK) <= 64);

/// A set of blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Blocks(pub(super) u64);

impl Blocks {
    /// Returns all blocks of a section of `len` bytes.
    pub(super) fn of_len(len: usize) -> Self {
        Self::run(0..len.div_ceil(BLOCK))
    }

    pub(super) fn run(run: Range<usize>) -> Self {
        Self(run.fold(0, |bits, block| bits | 1 << block))
    }

    pub(super) fn contains(self, block: usize) -> bool {
        block < 64 && self.0 & (1 << block) != 0
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}
