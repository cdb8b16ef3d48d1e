//! The match of a room: how it starts, what it receives, and how its steps change the world.

pub(crate) mod events;
pub(crate) mod inputs;
pub(crate) mod replacement;
pub(crate) mod report;
pub(crate) mod requests;
pub(crate) mod room;
pub(crate) mod running;
pub(crate) mod start;
pub(crate) mod step;
pub(crate) mod store;
