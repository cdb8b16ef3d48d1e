//! Changes the world: adds and removes peers, sets the status of a room, and ends it.

pub(crate) mod failure;
pub(crate) mod peers;
pub(crate) mod rejected;
pub(crate) mod status;
pub(crate) mod trigger;
