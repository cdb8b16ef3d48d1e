//! Peers that are in the room but have not joined yet.

use bevy::prelude::*;
use huddle_mesh::{LinkFailure, PeerId, StopReason};
use thiserror::Error;

/// The peers that are in the room but have not joined yet, with the reasons. A component of the
/// room entity.
///
/// The plugin never gives up on a pending peer: the peer joins as soon as the cause is gone. A peer
/// that can never join is refused instead; see [`PeerRefused`](crate::PeerRefused).
///
/// Use it for messages such as "A player is here, but their game is busy". The component is always
/// up to date, so such a message disappears as soon as it is no longer true.
#[derive(Component, Reflect, Deref, Debug, Clone, PartialEq, Eq, Default)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct PendingPeers(pub Vec<(PeerId, PendingReason)>);

/// The reason why a peer that is in the room has not joined yet. Its `Display` text is suitable for
/// players.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PendingReason {
    /// The two machines are connecting, or the two games are comparing versions.
    #[error("connecting")]
    Connecting,
    /// The machines are linked, but the other game does not respond: it is loading or has hung.
    #[error(
        "the other player's game is busy, perhaps loading; you can play as soon as it responds"
    )]
    Busy,
    /// The machines are linked, but the other player's page is frozen, or their phone is locked.
    #[error(
        "the other player's game is in the background and stopped; you can play as soon as they return to it"
    )]
    Stopped,
    /// The two machines cannot connect to each other.
    #[error("{0}")]
    NoLink(LinkFailure),
}

/// A peer that is in the room cannot join yet. Triggered on the room entity, because the peer has
/// no entity, whenever the reason changes. Not triggered for [`PendingReason::Connecting`].
///
/// [`PendingPeers`] contains all pending peers.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerPending {
    /// The room entity.
    pub entity: Entity,
    /// The peer's id. It is not verified before a link opens.
    pub peer_id: PeerId,
    /// The reason why the peer cannot join yet.
    pub reason: PendingReason,
}

impl From<StopReason> for PendingReason {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Busy => Self::Busy,
            StopReason::Frozen => Self::Stopped,
        }
    }
}
