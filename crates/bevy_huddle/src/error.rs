//! Why a room, a message or a packet is refused.

use huddle_mesh::{
    Channel, PeerId, ProtocolViolation, RoomError, RoomUrl, RoomUrlError, SendError,
};
use huddle_session::{
    MessageError as PacketError, OfferError, QueueError, SetupError, TickRateError,
    codec::{DecodeError, EncodeError},
};
use thiserror::Error;

/// Why a room cannot be joined, or not be used any more.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum JoinError {
    /// The room's address is wrong.
    #[error(transparent)]
    Url(#[from] RoomUrlError),
    /// The room, the server or this machine refuses.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// The game says something of itself that peers cannot be told.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The game's tick rate is out of range.
    #[error(transparent)]
    TickRate(#[from] TickRateError),
    /// This game is in the room already.
    #[error(
        "this game is in the room {url} already: leave it first, or use the room entity that `join_room` returned"
    )]
    AlreadyJoined {
        /// The room's address.
        url: RoomUrl,
    },
    /// All places of the room are taken: see [`RoomOptions::capacity`].
    #[error(
        "the room is full: {capacity} of {capacity} play already; try again later, or join another room"
    )]
    Full {
        /// How many can play.
        capacity: u8,
    },
    /// This player was kicked from the room, by its [`KickPolicy`].
    #[error("this player was kicked from the room by {}", names(by))]
    Kicked {
        /// Who wanted it.
        by: Vec<PeerId>,
    },
}

/// Why a message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// The type was not declared when the room was joined.
    #[error(
        "it was not declared: call `app.add_peer_event::<T>(\"name\")` or `app.add_peer_state::<T>(\"name\")` before a room is joined, the same on every player's machine"
    )]
    NotDeclared,
    /// It cannot be encoded, or takes too many bytes.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// There is no room.
    #[error(
        "there is no room: call `commands.join_room(\"ws://host:3536/name\")` first, or use `run_if(in_room)`"
    )]
    NoRoom,
    /// No such peer is here.
    #[error("no peer with this id is here: they left, or have not joined yet")]
    UnknownPeer,
    /// The entity is neither a peer nor a room.
    #[error("this entity is neither a peer nor a room: it may be despawned already")]
    UnknownEntity,
    /// The peer runs a stock matchbox client.
    #[error(
        "this peer runs a stock matchbox client, which does not know typed messages: send it raw bytes"
    )]
    MatchboxClient,
    /// Raw bytes are for stock matchbox clients.
    #[error("this peer runs bevy_huddle, too: send it events, state or files instead of raw bytes")]
    NotMatchboxClient,
    /// The link to a stock matchbox client does not take the bytes.
    #[error(transparent)]
    Link(#[from] SendError),
    /// Too much is waiting for this peer.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The transfer cannot be offered.
    #[error(transparent)]
    Offer(#[from] OfferError),
}

/// Why something that a peer sent did not reach the game.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RejectReason {
    /// The bytes are no packet, or what they say is impossible.
    #[error(transparent)]
    BadPacket(#[from] PacketError),
    /// The message does not fit its type.
    #[error("the message \"{name}\": {error}")]
    BadMessage {
        /// Its declared name.
        name: &'static str,
        /// What is wrong.
        error: DecodeError,
    },
    /// Packets came faster than the game reads them, and some were dropped.
    #[error("{dropped} packets on the {channel} channel came faster than they are read")]
    Overflow {
        /// On which channel.
        channel: Channel,
        /// How many.
        dropped: u64,
    },
    /// The peer broke the rules of its link. Told of the 1st, 2nd, 4th, 8th time and so on; with
    /// the 64th the peer is cut off.
    #[error("{violation} ({count} by now)")]
    ProtocolViolation {
        /// What it was this time.
        violation: ProtocolViolation,
        /// How many it has been.
        count: u64,
    },
}

fn names(peers: &[PeerId]) -> String {
    let names: Vec<_> = peers.iter().map(PeerId::to_string).collect();
    names.join(", ")
}
