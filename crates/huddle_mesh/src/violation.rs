use huddle_id::PeerId;
use thiserror::Error;

use crate::{
    limits::{MAX_MESSAGE_LEN, MAX_SIGNAL_LEN},
    signaling_id::SignalingId,
};

/// Who broke the rules of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ViolationSource {
    /// A player who is here, on the link that they have proven to be theirs.
    Peer(PeerId),
    /// Somebody in the room, named by the id that the signaling server gave them.
    ///
    /// Also of a player who is here: a server can make up signals, so that what comes over it is
    /// never held against a link.
    Member(SignalingId),
    /// The signaling server.
    Server,
}

/// What was wrong with something that came over the network. Whoever keeps to the protocol
/// commits none, whatever is lost, restarted or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProtocolViolation {
    /// A member's signal is not one of matchbox's.
    #[error("it sent a signal that is not an offer, an answer or a candidate")]
    Signal,
    /// A member's offer or answer is not one from which a link can be made.
    #[error("it sent a session description that cannot be used: {0}")]
    Description(SdpError),
    /// A member's candidate is malformed.
    #[error("it sent a candidate that cannot be used: {0}")]
    Candidate(SdpError),
    /// A member answered what was never offered.
    #[error("it sent an answer without an offer")]
    AnswerToNothing,
    /// A member sent candidates and neither an offer nor an answer.
    #[error("it sent a candidate without an offer or an answer")]
    CandidateForNothing,
    /// A member sends more than linking takes.
    #[error("it sent more signals than a link needs")]
    TooManySignals,
    /// A member's description has the certificate of the local peer, whose private key it cannot
    /// have.
    #[error("it used the certificate of this player")]
    LocalCertificate,
    /// A member sent too many packets before both sides of the link were open.
    #[error("it sent too many packets before the link was open on both sides")]
    TooEarly,
    /// One of the mesh's own messages is malformed, or comes where there is no place for it.
    #[error("it sent an invalid control message; does it run another version?")]
    Control,
    /// A text on a channel that carries bytes.
    #[error("it sent text on the {0} channel, which carries bytes")]
    Text(crate::channel::Channel),
    /// A data channel that was not agreed on; the link ends.
    #[error("it opened a data channel of its own")]
    Channel,
    /// A message is longer than a channel carries, or than the server may send.
    #[error("it sent a message of {0} bytes; {max} fit on a channel, {signal} in a signal", max = MAX_MESSAGE_LEN, signal = MAX_SIGNAL_LEN)]
    TooLong(usize),
    /// The server's message is not of matchbox's protocol.
    #[error("it sent a message that is not part of matchbox's protocol ({0})")]
    NotMatchbox(String),
    /// The server sent bytes.
    #[error("it sent a binary message; matchbox's protocol has text only")]
    NotText,
    /// The server named players before it named this one.
    #[error("it sent messages before it gave this player an id")]
    NoId,
    /// The server gave a second id on one connection.
    #[error("it gave this player a second id")]
    SecondId,
    /// The server announced somebody who is in the room already.
    #[error("it announced {0}, which is in the room already")]
    Announced(SignalingId),
    /// The server spoke of a group.
    #[error("it sent a message about a group, but this room has none")]
    Group,
    /// More members than a room has broke the rules.
    #[error("it relayed invalid signals of more members than a room can have")]
    TooManySources,
    /// The server sends more than any room needs.
    #[error("it sent more than any room needs")]
    Flood,
}

/// Why a session description or candidate was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SdpError {
    /// It is longer than any that is needed.
    #[error("it is {0} bytes long")]
    TooLong(usize),
    /// A line that is needed is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A line makes no sense.
    #[error("`{0}` is malformed")]
    Malformed(&'static str),
    /// The description comes from another version of this crate.
    #[error("it comes from another version of bevy_huddle; all players need the same version")]
    Version,
    /// A candidate may be honest, and is of no use here.
    #[error("`{0}` is of a kind that is not supported")]
    Unusable(&'static str),
}
