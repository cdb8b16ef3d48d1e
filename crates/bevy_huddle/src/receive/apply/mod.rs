//! How the world changes: peers that come and go, the status of a room, and its end.

pub(crate) mod failure;
pub(crate) mod peers;
pub(crate) mod rejected;
pub(crate) mod status;
pub(crate) mod trigger;
