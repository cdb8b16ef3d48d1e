//! The events of peers.

use bevy::prelude::*;
use huddle_mesh::{DisconnectReason, LinkFailure, PeerId, StopReason};
use huddle_session::{KickError, Refusal};

/// A peer with a compatible game joined. Triggered on its new peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerJoined {
    /// The peer entity.
    pub entity: Entity,
    /// The peer's id.
    pub peer_id: PeerId,
    /// Whether the peer was lost earlier and has now joined again.
    pub rejoined: bool,
}

/// A peer left the room or was lost. Triggered on its peer entity before the entity is despawned,
/// once for each [`PeerJoined`].
///
/// If the game itself despawns the peer entity, the event follows the despawn. An observer that
/// uses the entity should therefore call `commands.get_entity`.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerLeft {
    /// The peer entity.
    pub entity: Entity,
    /// The peer's id.
    pub peer_id: PeerId,
    /// The reason. If the local peer left the room, it is
    /// [`DisconnectReason::DisconnectedLocally`].
    pub reason: DisconnectReason,
}

/// A peer is in the room, but the two players cannot play together. Triggered on the room entity,
/// because a refused peer has no entity.
///
/// The event is triggered on both machines, except for [`Refusal::Disconnected`], which only the
/// disconnected player receives.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerRefused {
    /// The room entity.
    pub entity: Entity,
    /// The peer's id.
    pub peer_id: PeerId,
    /// The reason. Its `Display` text can be shown to players.
    pub refusal: Refusal,
}

/// An attempt to link with a peer in the room failed. Attempts continue while the peer is in the
/// room. Triggered on the room entity, because an unlinked peer has no entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct LinkFailed {
    /// The room entity.
    pub entity: Entity,
    /// The peer's id. It is not verified before a link opens.
    pub peer_id: PeerId,
    /// The reason. Its `Display` text can be shown to players.
    pub reason: LinkFailure,
    /// The number of consecutive failed attempts.
    pub attempt: u32,
}

/// A peer was kicked from the room, as the room's [`KickPolicy`](crate::KickPolicy) allows.
/// Triggered on the peer entity, before [`PeerLeft`]. On the kicked player's machine, the room
/// fails with [`JoinError::Kicked`](crate::JoinError::Kicked).
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerKicked {
    /// The peer entity.
    pub entity: Entity,
    /// The peer's id.
    pub peer_id: PeerId,
    /// The peers that requested the kick. They may include the local peer.
    pub requested_by: Vec<PeerId>,
}

/// A [`kick_peer`](crate::HuddleCommandsExt::kick_peer) request failed. Triggered on the room
/// entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct KickFailed {
    /// The room entity.
    pub entity: Entity,
    /// The peer that was not kicked.
    pub peer_id: PeerId,
    /// The reason. Its `Display` text describes what to do.
    pub error: KickError,
}

/// A peer's [`LinkedWith`](crate::LinkedWith) changed. Triggered on the peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct MeshChanged {
    /// The peer entity.
    pub entity: Entity,
    /// The peer's id.
    pub peer_id: PeerId,
}

/// A peer's game stopped running: it is loading or has hung, or its page is frozen. The link stays
/// open. The entity has [`Stopped`](crate::Stopped) until the game runs again. Triggered on the
/// peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerStopped {
    /// The peer entity.
    pub entity: Entity,
    /// The peer's id.
    pub peer_id: PeerId,
    /// The reason why the game is not running.
    pub reason: StopReason,
}

/// A peer's game runs again. Triggered on the peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerResumed {
    /// The peer entity.
    pub entity: Entity,
    /// The peer's id.
    pub peer_id: PeerId,
}

/// Nothing was received from a peer for one second, or its link ended. Triggered on its entity,
/// which is marked [`Reconnecting`](crate::Reconnecting).
///
/// [`PeerReconnected`] or [`PeerLeft`] follows.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerReconnecting {
    /// The peer entity.
    pub entity: Entity,
    /// The peer's id.
    pub peer_id: PeerId,
}

/// A reconnecting peer sent data again, or has a new link. Triggered on the peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerReconnected {
    /// The peer entity.
    pub entity: Entity,
    /// The peer's id.
    pub peer_id: PeerId,
}
