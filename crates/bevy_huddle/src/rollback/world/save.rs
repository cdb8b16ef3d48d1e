//! Where a saved state is kept.

use huddle_session::Tick;

/// A saved state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Save {
    pub(super) tick: Tick,
    /// The number of the slot in which all columns keep its values.
    pub(super) slot: usize,
    /// The number of its structure.
    pub(super) structure: usize,
    /// The number of the next [`RollbackId`](super::ids::RollbackId).
    pub(super) next_id: u64,
}
