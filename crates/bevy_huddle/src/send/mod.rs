//! What leaves: commands and systems queue it, and ticks send it.

pub(crate) mod failures;
pub(crate) mod queue;
pub(crate) mod sender;
