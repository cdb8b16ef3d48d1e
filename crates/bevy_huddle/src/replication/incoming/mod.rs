//! What other peers own, from the session to the world.

pub(crate) mod apply;
pub(super) mod batch;
mod ownership;
mod remove;
pub(crate) mod room;
pub(crate) mod spawn;
mod undo;
