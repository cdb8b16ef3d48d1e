//! What is sent: events, state, transfers and raw bytes, and to whom.

pub(crate) mod event;
pub(crate) mod failed;
pub(crate) mod raw;
pub(crate) mod recipients;
pub(crate) mod registry;
pub(crate) mod state;
pub(crate) mod transfer;
