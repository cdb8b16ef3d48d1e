//! The link conditioner, which makes the links of a room slow and lossy while the game runs.

pub(crate) mod error;
mod query;
mod queue;
pub(crate) mod settings;
pub(crate) mod transport;
