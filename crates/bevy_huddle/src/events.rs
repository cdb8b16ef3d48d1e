use bevy::prelude::*;
use huddle_mesh::{Channel, LeaveReason, PeerId, Signaling};
use huddle_sync::{
    KindId, PacketError, QueueError,
    codec::{DecodeError, EncodeError},
};
use thiserror::Error;

use crate::{JoinError, RoomState};

/// Somebody joined. Triggered on their new peer entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct PeerJoined {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer: PeerId,
    /// Whether they were here before and had been lost.
    pub returning: bool,
}

/// Somebody is gone. Triggered on their peer entity before it is despawned.
///
/// Only if the game itself despawns the peer or the room entity the event comes right after, when
/// there is nothing left to look at.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct PeerLeft {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer: PeerId,
    /// Why. [`LeaveReason::Cut`] also when it is this player who left the room.
    pub reason: LeaveReason,
}

/// Nothing was heard from a peer for a second; its entity is marked [`Suspect`](crate::Suspect).
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct PeerSuspected {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer: PeerId,
}

/// A suspect peer was heard again.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct PeerRecovered {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer: PeerId,
}

/// A room's [`RoomState`] changed. Triggered on the room entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct RoomStateChanged {
    /// The room entity.
    pub entity: Entity,
    /// What it was.
    pub from: RoomState,
    /// What it is.
    pub to: RoomState,
}

/// The connection to the signaling server changed. Triggered on the room entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct SignalingChanged {
    /// The room entity.
    pub entity: Entity,
    /// What it is now.
    pub signaling: Signaling,
}

/// A room cannot be used. Triggered on the room entity, which stays until it is despawned or
/// [`leave_rooms`](crate::HuddleCommandsExt::leave_rooms) is called.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct RoomFailed {
    /// The room entity.
    pub entity: Entity,
    /// Why, and what to do: show its `Display` text.
    pub error: JoinError,
}

/// A message was not sent.
#[derive(Event, Debug, Clone, PartialEq, Eq)]
pub struct SendFailed {
    /// The message's declared name, or the name of its type if it was never declared.
    pub message: &'static str,
    /// To whom; `None` if it concerns everybody.
    pub peer: Option<PeerId>,
    /// Why, and what to do.
    pub error: MessageError,
}

/// Why a message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// The type was never declared.
    #[error(
        "it was not declared: call `app.add_peer_event::<T>(\"name\")` or `app.add_peer_state::<T>(\"name\")`, the same on every player's machine"
    )]
    NotDeclared,
    /// It cannot be encoded, or takes too many bytes.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// No such peer is here.
    #[error("no peer with this id is here: they left, or have not joined yet")]
    UnknownPeer,
    /// The entity is neither a peer nor a room.
    #[error("this entity is neither a peer nor a room: it may be despawned already")]
    UnknownEntity,
    /// The peer runs a stock matchbox client.
    #[error("this peer runs a stock matchbox client, which does not know typed messages")]
    Foreign,
    /// Too much is waiting for this peer.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Something that a peer sent did not reach the game. Triggered on the peer entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct MessageRejected {
    /// The peer entity.
    pub entity: Entity,
    /// From whom.
    pub peer: PeerId,
    /// Why.
    pub reason: RejectReason,
}

/// Why something that a peer sent did not reach the game.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RejectReason {
    /// The bytes are not a packet.
    #[error(transparent)]
    BadPacket(#[from] PacketError),
    /// The message is of a kind that this game has not declared.
    #[error(
        "a message of the unknown kind {0}: declare the same names on every player's machine, and run the same version of the game"
    )]
    UnknownKind(KindId),
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
}
