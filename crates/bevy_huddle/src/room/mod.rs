//! Rooms: what the game sees of one, how it is joined, and its link to transport and session.

pub(crate) mod components;
pub(crate) mod conditioning;
pub(crate) mod events;
pub(crate) mod join;
pub(crate) mod link;
pub(crate) mod options;
mod outbox;
mod report;
pub(crate) mod status;
