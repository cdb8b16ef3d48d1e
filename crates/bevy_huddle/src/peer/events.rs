//! What happens to peers.

use bevy::prelude::*;
use huddle_mesh::{DisconnectReason, LinkFailure, PeerId, StopReason};
use huddle_session::{KickError, Refusal};

/// Somebody joined, and their game fits. Triggered on their new peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerJoined {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer_id: PeerId,
    /// Whether they were here before and had been lost.
    pub returning: bool,
}

/// Somebody is gone. Triggered on their peer entity before it is despawned, once for each
/// [`PeerJoined`].
///
/// Only if the game itself despawns the peer entity, the event comes right after, when there is
/// nothing left to look at: an observer that uses the entity calls `commands.get_entity`.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerLeft {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer_id: PeerId,
    /// Why. [`DisconnectReason::DisconnectedLocally`] also when it is this player who left the room.
    pub reason: DisconnectReason,
}

/// Somebody is here with whom this player cannot play. Triggered on the room entity; there is no
/// peer entity. The other player is told as well.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerRefused {
    /// The room entity.
    pub entity: Entity,
    /// Who.
    pub peer_id: PeerId,
    /// Why. Its `Display` text is fit to be shown to players.
    pub refusal: Refusal,
}

/// Somebody is in the room, but no link to them opens. It is tried again for as long as they are there. Triggered on
/// the room entity; there is no peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct LinkFailed {
    /// The room entity.
    pub entity: Entity,
    /// Who, as far as is known: nothing is proven before a link opens.
    pub peer_id: PeerId,
    /// Why. Its `Display` text is fit to be shown to players.
    pub reason: LinkFailure,
    /// How many attempts have failed in a row.
    pub attempt: u32,
}

/// A player is kicked from the room, by its [`KickPolicy`](crate::KickPolicy). Triggered on
/// the peer entity; [`PeerLeft`] follows. Who is kicked sees
/// [`JoinError::Kicked`](crate::JoinError::Kicked).
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerKicked {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer_id: PeerId,
    /// Who wanted it, maybe this player too.
    pub by: Vec<PeerId>,
}

/// [`kick_peer`](crate::HuddleCommandsExt::kick_peer) did not work. Triggered on the room
/// entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct KickFailed {
    /// The room entity.
    pub entity: Entity,
    /// Who was to be kicked.
    pub peer_id: PeerId,
    /// Why, and what to do.
    pub error: KickError,
}

/// A peer told whom they are linked with: see [`LinkedWith`](crate::LinkedWith). Triggered on the
/// peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct MeshChanged {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer_id: PeerId,
}

/// A peer's game does not run any more: it loads or hangs, or its page is frozen. The link stays
/// open; the entity has [`Stopped`](crate::Stopped) until the game runs again. Triggered on the peer
/// entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerStopped {
    /// The peer entity.
    pub entity: Entity,
    /// The peer.
    pub peer_id: PeerId,
    /// Why the game does not run.
    pub reason: StopReason,
}

/// A peer's game runs again. Triggered on the peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerResumed {
    /// The peer entity.
    pub entity: Entity,
    /// The peer.
    pub peer_id: PeerId,
}

/// Nothing was heard from a peer for a second; its entity is marked [`Unresponsive`](crate::Unresponsive).
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerUnresponsive {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer_id: PeerId,
}

/// An unresponsive peer was heard again.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerRecovered {
    /// The peer entity.
    pub entity: Entity,
    /// Who.
    pub peer_id: PeerId,
}
