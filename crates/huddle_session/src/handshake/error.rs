use thiserror::Error;

/// The number of sessions that the peer may begin in a row before this side has finished one.
pub(super) const MAX_RESTARTS: u32 = 8;

/// Why bytes from another player are no message of the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// The first byte is not 0x01 to 0x04.
    #[error("the handshake has no message of type {0:#04x}")]
    UnknownType(u8),
    /// It looks like a hello and is none.
    #[error("this is no hello of bevy_huddle: something else is in the room")]
    NotOurs,
    /// It is shorter than it says.
    #[error("the handshake message ends too early")]
    Truncated,
    /// It is longer than it should be.
    #[error("{0} bytes are left over behind the handshake message")]
    LeftOver(usize),
    /// Something in it is longer than allowed.
    #[error("{what} takes {len} bytes, more than the {max} allowed")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// How long it is.
        len: u64,
        /// How long it may be.
        max: usize,
    },
    /// Something in it makes no sense.
    #[error("the handshake message holds {0}")]
    Malformed(&'static str),
    /// The hello has our own nonce.
    #[error("our own hello came back")]
    Echo,
    /// The peer began anew too often.
    #[error("the peer began more than {MAX_RESTARTS} sessions before it finished one")]
    TooManySessions,
}
