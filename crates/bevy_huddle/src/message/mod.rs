//! The kinds of messages (events, transfers and raw bytes) and their recipients.

pub(crate) mod event;
pub(crate) mod failed;
pub(crate) mod raw;
pub(crate) mod recipients;
pub(crate) mod registry;
pub(crate) mod transfer;
