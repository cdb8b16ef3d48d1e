use std::fmt;

use bytes::Bytes;
use clap::ValueEnum;

/// The channel of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Channel {
    /// Unreliable and unordered
    Unreliable,
    /// Reliable and ordered
    Reliable,
    /// Reliable and ordered, for large amounts; the reliable channel if the library has one only
    Bulk,
}

/// What happened since the last poll.
#[derive(Debug)]
pub enum Event<P> {
    /// The link to a peer is open.
    Joined(P),
    /// A peer is no longer connected.
    Left(P),
    /// A message arrived from a peer.
    Message(P, Bytes),
}

/// The library that a peer uses.
pub trait Transport: Sized {
    /// The id of a peer, which is the same on all peers.
    type Peer: Copy + Ord + fmt::Debug;

    /// Joins a room.
    ///
    /// # Errors
    /// Returns an error if the library refuses the room.
    fn join(room: &str) -> anyhow::Result<Self>;

    /// Returns the id of the local peer once it is in the room.
    fn local_id(&mut self) -> Option<Self::Peer>;

    /// Appends all new events.
    ///
    /// # Errors
    /// Returns an error if the library has stopped.
    fn poll(&mut self, events: &mut Vec<Event<Self::Peer>>) -> anyhow::Result<()>;

    /// Sends a message. Returns whether the library has accepted it: a full queue or a lost link is
    /// not an error.
    ///
    /// # Errors
    /// Returns an error if the library has stopped, or never accepts such a message.
    fn send(&mut self, peer: Self::Peer, channel: Channel, bytes: Bytes) -> anyhow::Result<bool>;
}
