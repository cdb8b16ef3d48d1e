//! Rooms: their components and events, joining, and the link to the transport and the session.

pub(crate) mod components;
pub(crate) mod conditioning;
pub(crate) mod events;
pub(crate) mod extension;
pub(crate) mod join;
pub(crate) mod large;
pub(crate) mod link;
pub(crate) mod options;
mod outbox;
mod report;
pub(crate) mod settings;
mod snapshots;
pub(crate) mod status;
