//! Files and other bytes that go from one player to another in the background.

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::PeerId;
use huddle_session::{TransferFailure, TransferId, TransferLimits};

/// Which transfers this player accepts from each peer; insert it as a resource before a room is
/// joined to change it.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// App::new().insert_resource(AcceptedTransfers(TransferLimits {
///     max_len: 1024 * 1024,
///     ..default()
/// }));
/// ```
#[derive(Resource, Deref, DerefMut, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AcceptedTransfers(pub TransferLimits);

/// A transfer was accepted, so that its bytes are on their way. Triggered on the peer entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct TransferStarted {
    /// The peer entity.
    pub entity: Entity,
    /// From whom or to whom, which `id` says.
    pub peer_id: PeerId,
    /// Which one; [`cancel_transfer`](crate::HuddleCommandsExt::cancel_transfer) takes it.
    pub id: TransferId,
    /// What its sender calls it; from a peer, it is untrusted text.
    pub label: String,
    /// Its length in bytes.
    pub len: u64,
}

/// More of a transfer has arrived, here or at the peer; at most 20 times per second and when it is
/// complete. Triggered on the peer entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct TransferProgress {
    /// The peer entity.
    pub entity: Entity,
    /// From whom or to whom, which `id` says.
    pub peer_id: PeerId,
    /// Which one.
    pub id: TransferId,
    /// What its sender calls it; from a peer, it is untrusted text.
    pub label: String,
    /// How many bytes are there.
    pub done: u64,
    /// How many there will be.
    pub total: u64,
}

/// A transfer from a peer is complete. Triggered on the peer entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct TransferReceived {
    /// The peer entity.
    pub entity: Entity,
    /// From whom.
    pub peer_id: PeerId,
    /// Which one.
    pub id: TransferId,
    /// What its sender calls it, which is untrusted text.
    pub label: String,
    /// What was sent, byte for byte; what it says is not to be trusted.
    pub bytes: Bytes,
}

/// A transfer to a peer is complete. Triggered on the peer entity.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct TransferDelivered {
    /// The peer entity.
    pub entity: Entity,
    /// To whom.
    pub peer_id: PeerId,
    /// Which one.
    pub id: TransferId,
    /// What this player called it.
    pub label: String,
}

/// A transfer ended early. Triggered on the peer entity, before [`PeerLeft`](crate::PeerLeft) if
/// the peer is gone; nothing is told of peers whom this player cut off or left.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct TransferFailed {
    /// The peer entity.
    pub entity: Entity,
    /// From whom or to whom, which `id` says.
    pub peer_id: PeerId,
    /// Which one.
    pub id: TransferId,
    /// What its sender calls it; from a peer, it is untrusted text.
    pub label: String,
    /// Why.
    pub reason: TransferFailure,
}
