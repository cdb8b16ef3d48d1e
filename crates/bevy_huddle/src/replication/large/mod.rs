//! Large values: their records contain a digest, and the peers exchange the contents as events.
//! [`huddle_snapshot::content`] describes the protocol.

mod abandon;
pub(super) mod exchange;
pub(super) mod gate;
pub(super) mod messages;
