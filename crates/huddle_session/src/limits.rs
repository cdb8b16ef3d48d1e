//! The limits that several parts of a session share.

/// The longest payload of an event, in bytes.
pub const MAX_EVENT_LEN: usize = 64 * 1024;

/// The longest payload of one state value, in bytes.
pub const MAX_STATE_LEN: usize = 16 * 1024;

/// The longest message after the handshake, in bytes. It fits into one datagram on any network.
pub const MAX_PACKET_LEN: usize = 1100;
