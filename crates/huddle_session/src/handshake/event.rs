use std::time::Duration;

use bytes::Bytes;

use super::refusal::Refusal;
use crate::clock::ClockReading;

/// What a handshake tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HandshakeEvent {
    /// The peer's terms are the same: shall it be admitted? Answer with [`Handshake::decide`](super::Handshake::decide).
    JoinRequested {
        /// What the answer refers to.
        ticket: Ticket,
        /// What the peer says to be admitted.
        data: Bytes,
    },
    /// Both sides want to play together.
    Done(Agreement),
    /// They do not, and this is the end, also if it was [`Done`](Self::Done) before: the peer may
    /// change its mind. Go on calling [`Handshake::collect`](super::Handshake::collect) until [`Handshake::is_over`](super::Handshake::is_over), so that the
    /// other side learns why.
    Refused(Refusal),
    /// The peer began a new session, after this one ended. Begin one too, with a new nonce, and
    /// give it the message after which this was told.
    Restarted,
}

/// Which question a decision answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(pub(super) u64);

/// What both sides know of their session when a handshake is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// The session tag in packets; the same on both sides.
    pub tag: u8,
    /// A number for the session; the same on both sides.
    pub session: u32,
    /// What the peer's clock said last.
    pub clock: ClockReading,
    /// When it was heard to say so.
    pub heard: Duration,
}
