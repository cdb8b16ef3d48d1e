//! Peers that are in the room and have not joined yet.

use bevy::prelude::*;
use huddle_mesh::{LinkFailure, PeerId, StopReason};
use thiserror::Error;

/// The peers that are in the room and have not joined yet, and why; on the room entity.
///
/// A pending peer is never given up: it joins as soon as the reason is gone. A peer that can never
/// join is not pending, but refused: see [`PeerRefused`](crate::PeerRefused).
///
/// Use it for texts such as "A player is here, but their game is busy": it is always current, so a
/// text that shows it disappears when it stops being true.
#[derive(Component, Reflect, Deref, Debug, Clone, PartialEq, Eq, Default)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
#[component(immutable)]
pub struct PendingPeers(pub Vec<(PeerId, PendingReason)>);

/// Why a peer that is in the room has not joined yet. The `Display` text can be shown to
/// players.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PendingReason {
    /// The two machines are connecting, or the two games compare versions.
    #[error("connecting")]
    Connecting,
    /// The machines are linked, but the other game does not answer: it loads or hangs.
    #[error("the other player's game is busy, perhaps loading; you can play as soon as it answers")]
    Busy,
    /// The machines are linked, but the other player's page is frozen, or their phone is locked.
    #[error(
        "the other player's game is in the background and stopped; you can play as soon as they return to it"
    )]
    Stopped,
    /// No link between the machines opens.
    #[error("{0}")]
    NoLink(LinkFailure),
}

/// A peer that is in the room cannot join yet. Triggered on the room entity when the reason is
/// known or changes, but not for [`PendingReason::Connecting`]; there is no peer entity.
///
/// [`PendingPeers`] shows all pending peers, and when they are pending no longer.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct PeerPending {
    /// The room entity.
    pub entity: Entity,
    /// The peer. Its id is not verified before a link opens.
    pub peer_id: PeerId,
    /// What the peer waits for.
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
