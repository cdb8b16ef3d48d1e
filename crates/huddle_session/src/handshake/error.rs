//! Errors in handshake messages.

use thiserror::Error;

/// The number of sessions that a peer may start in a row without completing a handshake.
pub(super) const MAX_RESTARTS: u32 = 8;

/// The reason why a handshake message from a peer is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// The first byte is not 0x01 to 0x04.
    #[error("the handshake has no message of type {0:#04x}")]
    UnknownType(u8),
    /// The first byte is that of a hello, but the magic bytes are missing.
    #[error("this is not a hello of bevy_huddle: another program is in the room")]
    NotOurs,
    /// The message ends before all of its fields were read.
    #[error("the handshake message ends too early")]
    Truncated,
    /// Bytes follow the last field.
    #[error("{0} bytes follow the end of the handshake message")]
    TrailingBytes(usize),
    /// A field is longer than allowed.
    #[error("{what} is {len} bytes long, but the maximum is {max}")]
    TooLong {
        /// The name of the field.
        what: &'static str,
        /// The length of the field, in bytes.
        len: u64,
        /// The maximum length, in bytes.
        max: usize,
    },
    /// A field has an invalid value.
    #[error("the handshake message contains {0}")]
    Malformed(&'static str),
    /// The hello contains the nonce of the local peer.
    #[error("the peer sent our own hello back")]
    Echo,
    /// The peer restarted its session too often.
    #[error("the peer started more than {MAX_RESTARTS} sessions without completing a handshake")]
    TooManySessions,
}
