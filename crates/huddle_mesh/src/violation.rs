use huddle_id::PeerId;
use thiserror::Error;

use crate::{
    limits::{MAX_MESSAGE_LEN, MAX_SIGNAL_LEN},
    signaling_id::SignalingId,
};

/// The source of a [`ProtocolViolation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ViolationSource {
    /// A connected peer, over its link.
    Peer(PeerId),
    /// A room member, over the signaling server. The id is the one that the server gave it.
    ///
    /// The signals of a connected peer also have this source. A server can forge signals, so they
    /// never count against a link.
    Member(SignalingId),
    /// The signaling server.
    Server,
}

/// A violation of the protocol by a peer or the signaling server.
///
/// A peer that follows the protocol never commits one, even if packets are lost or connections
/// restart.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProtocolViolation {
    /// A member's signal is not part of matchbox's protocol.
    #[error("it sent a signal that is not an offer, an answer or a candidate")]
    Signal,
    /// A member's offer or answer is malformed, or cannot be used for a link.
    #[error("it sent a session description that cannot be used: {0}")]
    Description(SdpError),
    /// A member's candidate is malformed.
    #[error("it sent a candidate that cannot be used: {0}")]
    Candidate(SdpError),
    /// A member sent an answer, but had received no offer.
    #[error("it sent an answer without an offer")]
    UnexpectedAnswer,
    /// A member sent candidates, but neither an offer nor an answer.
    #[error("it sent a candidate without an offer or an answer")]
    UnexpectedCandidate,
    /// A member sent more signals than a link needs.
    #[error("it sent more signals than a link needs")]
    TooManySignals,
    /// A member's description has the certificate of the local peer, whose private key it cannot
    /// have.
    #[error("it used the certificate of this player")]
    LocalCertificate,
    /// A member sent too many packets before both sides of the link were open.
    #[error("it sent too many packets before the link was open on both sides")]
    TooManyEarlyPackets,
    /// A control message is malformed or arrived at the wrong time.
    #[error("it sent an invalid control message; does it run a different version?")]
    Control,
    /// A message on a data channel is text, not bytes.
    #[error("it sent text on the {0} channel, which carries bytes")]
    Text(crate::channel::Channel),
    /// A peer opened a data channel that was not negotiated. The link closes.
    #[error("it opened a data channel of its own")]
    Channel,
    /// A message is longer than the maximum of a channel or of the signaling server.
    #[error("it sent a message of {0} bytes; the maximum is {max} on a channel and {signal} in a signal", max = MAX_MESSAGE_LEN, signal = MAX_SIGNAL_LEN)]
    TooLong(usize),
    /// The server's message is not part of matchbox's protocol.
    #[error("it sent a message that is not part of matchbox's protocol ({0})")]
    NotMatchbox(String),
    /// The server sent a binary message.
    #[error("it sent a binary message; matchbox's protocol has text only")]
    NotText,
    /// The server sent messages before it assigned an id to the local peer.
    #[error("it sent messages before it gave this player an id")]
    NoId,
    /// The server assigned a second id on the same connection.
    #[error("it gave this player a second id")]
    SecondId,
    /// The server announced a member that is already in the room.
    #[error("it announced {0}, which is in the room already")]
    DuplicateMember(SignalingId),
    /// The server sent a message about a group, but the room has none.
    #[error("it sent a message about a group, but this room has none")]
    Group,
    /// More members committed violations than a room can have.
    #[error("it relayed invalid signals from more members than a room can have")]
    TooManySources,
    /// The server sent more messages than any room needs.
    #[error("it sent more than any room needs")]
    Flood,
}

/// The reason why a session description or candidate was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SdpError {
    /// The text is longer than any valid one.
    #[error("it is {0} bytes long")]
    TooLong(usize),
    /// A required line is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A line is malformed.
    #[error("`{0}` is malformed")]
    Malformed(&'static str),
    /// The description comes from a different version of this crate.
    #[error("it comes from a different version of bevy_huddle; all players need the same version")]
    Version,
    /// A candidate may be valid, but is of an unsupported kind.
    #[error("`{0}` is of a kind that is not supported")]
    Unusable(&'static str),
}
