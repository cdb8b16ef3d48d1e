//! Limits that several parts of a session share.

/// The maximum length of an event's payload, in bytes.
pub const MAX_EVENT_LEN: usize = 64 * 1024;

/// The maximum length of a message after the handshake, in bytes. It fits into one datagram on any
/// network.
pub const MAX_PACKET_LEN: usize = 1100;
