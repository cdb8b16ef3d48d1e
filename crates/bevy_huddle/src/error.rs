//! The errors of rooms and messages.

use huddle_mesh::{
    Channel, PeerId, ProtocolViolation, RoomError, RoomUrl, RoomUrlError, SendError,
};
use huddle_session::{
    MessageError as PacketError, OfferError, QueueError, SetupError, TickRateError,
    codec::{DecodeError, EncodeError},
};
use thiserror::Error;

use crate::conditioner::error::LinkConditionerError;

/// The reason why a room cannot be joined or can no longer be used.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum JoinError {
    /// The room's URL is invalid.
    #[error(transparent)]
    Url(#[from] RoomUrlError),
    /// The room, the signaling server or this machine refused.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// The session rejects an option of the room or the game.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The game's tick rate is out of range.
    #[error(transparent)]
    TickRate(#[from] TickRateError),
    /// A value of [`RoomOptions::conditioner`](crate::RoomOptions::conditioner) is out of range.
    #[error(transparent)]
    Conditioner(#[from] LinkConditionerError),
    /// This game has already joined the room.
    #[error(
        "this game is already in the room {url}: leave it first, or use the room entity that `join_room` returned"
    )]
    AlreadyJoined {
        /// The room's URL.
        url: RoomUrl,
    },
    /// The room is full; see [`RoomOptions::capacity`](crate::RoomOptions::capacity).
    #[error(
        "the room is full: {capacity} of {capacity} players are in it; try again later, or join another room"
    )]
    Full {
        /// The room's capacity, in players.
        capacity: u8,
    },
    /// The local player was kicked from the room, as its [`KickPolicy`](crate::KickPolicy) allows.
    #[error("this player was kicked from the room by {}", names(requested_by))]
    Kicked {
        /// The peers that requested the kick.
        requested_by: Vec<PeerId>,
    },
}

/// The reason why a message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// The type was not declared before the room was joined.
    #[error(
        "it was not declared: call `app.add_peer_event::<T>(\"name\")` before a room is joined, the same on every player's machine"
    )]
    NotDeclared,
    /// The message cannot be encoded, or takes too many bytes.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// No room is joined.
    #[error(
        "there is no room: call `commands.join_room(\"ws://host:3536/name\")` first, or use `run_if(in_room)`"
    )]
    NoRoom,
    /// No peer with this id has joined.
    #[error("no peer in the room has this id: it left, or has not joined yet")]
    UnknownPeer,
    /// The entity is neither a peer nor a room.
    #[error("this entity is neither a peer nor a room: it may have been despawned")]
    UnknownEntity,
    /// The peer runs a stock matchbox client.
    #[error(
        "this peer runs a stock matchbox client, which cannot receive typed messages: send it raw bytes"
    )]
    MatchboxClient,
    /// The peer is not a stock matchbox client, so it does not take raw bytes.
    #[error("this peer runs bevy_huddle: send it events or transfers instead of raw bytes")]
    NotMatchboxClient,
    /// The link to a stock matchbox client refused the bytes.
    #[error(transparent)]
    Link(#[from] SendError),
    /// The send queue of this peer refused the event.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The transfer cannot be offered.
    #[error(transparent)]
    Offer(#[from] OfferError),
}

/// The reason why data from a peer did not reach the game.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RejectReason {
    /// The bytes are not a valid packet.
    #[error(transparent)]
    BadPacket(#[from] PacketError),
    /// The message cannot be decoded as its type.
    #[error("the message \"{name}\": {error}")]
    BadMessage {
        /// The declared name of the type.
        name: &'static str,
        /// The reason why decoding failed.
        error: DecodeError,
    },
    /// The replicated entities in a packet cannot be decoded.
    #[error(transparent)]
    BadSnapshot(#[from] huddle_snapshot::DecodeError),
    /// Packets arrived faster than the game reads them, so some were dropped.
    #[error(
        "{dropped} packets on the {channel} channel were dropped: they arrived faster than the game reads them"
    )]
    Overflow {
        /// The channel on which they arrived.
        channel: Channel,
        /// The number of dropped packets.
        dropped: u64,
    },
    /// The peer violated the protocol of its link.
    ///
    /// Only the 1st, 2nd, 4th, 8th violation and so on are reported. The 64th disconnects the peer.
    #[error("{violation} ({count} so far)")]
    ProtocolViolation {
        /// The latest violation.
        violation: ProtocolViolation,
        /// The number of violations of this peer so far.
        count: u64,
    },
}

fn names(peers: &[PeerId]) -> String {
    let names: Vec<_> = peers.iter().map(PeerId::to_string).collect();
    names.join(", ")
}
