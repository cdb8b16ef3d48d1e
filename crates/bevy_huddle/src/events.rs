use bevy::prelude::*;
use huddle_mesh::{
    Channel, LeaveReason, LinkFailure, Offence, Offender, PeerId, SendError, Signaling, StopReason,
};
use huddle_session::{
    MessageError as PacketError, OfferError, QueueError, Refusal, RemovalError,
    codec::{DecodeError, EncodeError},
};
use thiserror::Error;

use crate::room::{components::RoomState, join::JoinError};

/// Somebody joined, and their game fits. Triggered on their new peer entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct PeerJoined {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer: PeerId,
    /// Whether they were here before and had been lost.
    pub returning: bool,
}

/// Somebody is gone. Triggered on their peer entity before it is despawned, once for each
/// [`PeerJoined`].
///
/// Only if the game itself despawns the peer entity, the event comes right after, when there is
/// nothing left to look at: an observer that uses the entity calls `commands.get_entity`.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct PeerLeft {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer: PeerId,
    /// Why. [`LeaveReason::Cut`] also when it is this player who left the room.
    pub reason: LeaveReason,
}

/// Somebody is here with whom this player cannot play. Triggered on the room entity; there is no
/// peer entity. The other player is told as well.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct PeerRefused {
    /// The room entity.
    pub entity: Entity,
    /// Who.
    pub peer: PeerId,
    /// Why. Its `Display` text is fit to be shown to players.
    pub refusal: Refusal,
}

/// Somebody is in the room, but no link to them opens. It is tried again for as long as they are there. Triggered on
/// the room entity; there is no peer entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct LinkFailed {
    /// The room entity.
    pub entity: Entity,
    /// Who, as far as is known: nothing is proven before a link opens.
    pub peer: PeerId,
    /// Why. Its `Display` text is fit to be shown to players.
    pub reason: LinkFailure,
    /// How many attempts have failed in a row.
    pub attempt: u32,
}

/// A player is removed from the room, by its [`RemovalPolicy`](crate::RemovalPolicy). Triggered on
/// the peer entity; [`PeerLeft`] follows. Who is removed sees
/// [`JoinError::Removed`](crate::JoinError::Removed).
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct PeerRemoved {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer: PeerId,
    /// Who wanted it, maybe this player too.
    pub by: Vec<PeerId>,
}

/// [`remove_peer`](crate::HuddleCommandsExt::remove_peer) did not work. Triggered on the room
/// entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct RemovalFailed {
    /// The room entity.
    pub entity: Entity,
    /// Who was to be removed.
    pub peer: PeerId,
    /// Why, and what to do.
    pub error: RemovalError,
}

/// Somebody else is the host: the player longest in the room, as far as this player knows.
/// Triggered on the room entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct HostChanged {
    /// The room entity.
    pub entity: Entity,
    /// Who; maybe this player.
    pub host: PeerId,
}

/// A peer told whom they are linked with: see [`LinkedWith`](crate::LinkedWith). Triggered on the
/// peer entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct MeshChanged {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer: PeerId,
}

/// The room's tick jumped ahead, because the others were: this player joined, or their game did
/// not run for a while. Triggered on the room entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct TicksSkipped {
    /// The room entity.
    pub entity: Entity,
    /// How many ticks were left out.
    pub ticks: u32,
}

/// A peer's game does not run any more: it loads or hangs, or its page is frozen. The link stays
/// open; the entity has [`Stopped`](crate::Stopped) until the game runs again. Triggered on the peer
/// entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct PeerStopped {
    /// The peer entity.
    pub entity: Entity,
    /// The peer.
    pub peer: PeerId,
    /// Why the game does not run.
    pub reason: StopReason,
}

/// A peer's game runs again. Triggered on the peer entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct PeerResumed {
    /// The peer entity.
    pub entity: Entity,
    /// The peer.
    pub peer: PeerId,
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

/// A room cannot be used, or this player was removed from it. Triggered on the room entity, which
/// stays until it is despawned or [`leave_rooms`](crate::HuddleCommandsExt::leave_rooms) is called.
#[derive(EntityEvent, Debug, Clone, PartialEq)]
pub struct RoomFailed {
    /// The room entity.
    pub entity: Entity,
    /// Why, and what to do: show its `Display` text.
    pub error: JoinError,
}

/// A message was not sent: once for each message and each recipient who does not get it.
///
/// The log has one line per peer and cause. What observers of this event send in vain is reported
/// with the next frame.
#[derive(Event, Debug, Clone, PartialEq, Eq)]
pub struct SendFailed {
    /// The message's declared name, or the name of its type if it was never declared; `"file"` of
    /// what [`send_file`](crate::HuddleCommandsExt::send_file) sends, and `"raw bytes"` of
    /// [`send_raw`](crate::HuddleCommandsExt::send_raw).
    pub message: &'static str,
    /// To whom; `None` if it concerns everybody.
    pub peer: Option<PeerId>,
    /// Why, and what to do.
    pub error: MessageError,
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
    Foreign,
    /// Raw bytes are for stock matchbox clients.
    #[error("this peer runs bevy_huddle, too: send it events, state or files instead of raw bytes")]
    NotForeign,
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

/// Somebody in the room who is not linked with this player, or the signaling server, broke the
/// rules of signaling. What they sent did nothing. Triggered on the room entity, with their 1st,
/// 2nd, 4th, 8th offence and so on.
///
/// With the 64th a member's signals are ignored for as long as this connection to the server lasts,
/// and a server is left and tried again, see [`SignalingChanged`]. Links to peers are not touched.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct SignalRejected {
    /// The room entity.
    pub entity: Entity,
    /// Who.
    pub by: Offender,
    /// What it was this time.
    pub offence: Offence,
    /// How many it has been.
    pub count: u64,
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
    #[error("{offence} ({count} by now)")]
    Offence {
        /// What it was this time.
        offence: Offence,
        /// How many it has been.
        count: u64,
    },
}
