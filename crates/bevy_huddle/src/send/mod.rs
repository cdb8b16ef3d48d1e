//! Sends data: commands and systems queue it, ticks send it.

pub(crate) mod error;
pub(crate) mod failures;
pub(crate) mod queue;
pub(crate) mod sender;
mod targets;
pub(crate) mod ticks;
