use std::time::Duration;

use bytes::Bytes;

use super::refusal::Refusal;
use crate::clock::ClockReading;

/// An event of a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HandshakeEvent {
    /// The peer's terms match, so the game decides whether to admit the peer. Answer with
    /// [`Handshake::decide`](super::Handshake::decide).
    JoinRequested {
        /// The request that the answer refers to.
        ticket: Ticket,
        /// The peer's join data.
        data: Bytes,
    },
    /// Both sides have welcomed each other.
    Done(Agreement),
    /// One side refused the other. This ends the handshake, even after [`Done`](Self::Done),
    /// because the peer may change its decision. Keep calling
    /// [`Handshake::collect`](super::Handshake::collect) until
    /// [`Handshake::is_over`](super::Handshake::is_over) returns `true`, so that the peer receives
    /// the reason.
    Refused(Refusal),
    /// The peer started a new session after this one ended. Start a new handshake with a new nonce
    /// and pass it the message that triggered this event.
    Restarted,
}

/// Identifies the join request that a decision answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(pub(super) u64);

/// The result of a completed handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// The session tag in packets; the same on both sides.
    pub tag: u8,
    /// The id of the session; the same on both sides.
    pub session: u32,
    /// The last clock reading that the peer sent.
    pub clock: ClockReading,
    /// The time at which that reading was received.
    pub clock_received_at: Duration,
}
