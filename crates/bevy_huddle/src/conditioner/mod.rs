//! The link conditioner: makes the links of a room as bad as a real network, while the game runs.

pub(crate) mod error;
mod query;
mod queue;
pub(crate) mod settings;
pub(crate) mod transport;
