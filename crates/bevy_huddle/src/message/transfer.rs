//! Transfers of files and other large data in the background.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::PeerId;
use huddle_session::{Direction, TransferFailure, TransferLimits};

/// Identifies a transfer on this machine. The peer at the other end uses a different id for it.
///
/// [`send_transfer`](crate::HuddleCommandsExt::send_transfer) returns the id immediately, before
/// any peer accepts the transfer. A transfer to several peers has one id, and each event contains
/// the peer.
#[derive(Reflect, Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferId(u64);

impl TransferId {
    /// Returns an id that is unique in this process.
    ///
    /// Commands return an id before they can access the world, so the counter is not a resource.
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transfer {}", self.0)
    }
}

/// The limits of the transfers that this player accepts from each peer. To change them, insert this
/// resource before joining a room.
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
#[derive(Resource, Reflect, Deref, DerefMut, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[reflect(opaque)]
#[reflect(Resource, Debug, Clone, PartialEq)]
pub struct AcceptedTransfers(pub TransferLimits);

/// A transfer was accepted, and its bytes are being sent. Triggered on the peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct TransferStarted {
    /// The peer entity.
    pub entity: Entity,
    /// The other peer.
    pub peer_id: PeerId,
    /// The id of the transfer, for
    /// [`cancel_transfer`](crate::HuddleCommandsExt::cancel_transfer).
    pub id: TransferId,
    /// Whether the local player sends or receives the transfer.
    pub direction: Direction,
    /// The sender's label. In a transfer from a peer, it is untrusted text.
    pub label: String,
    /// The length of the transfer in bytes.
    pub len: u64,
}

/// The recipient received more of a transfer. Triggered on the peer entity, at most 20 times per
/// second and when the transfer is complete.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct TransferProgress {
    /// The peer entity.
    pub entity: Entity,
    /// The other peer.
    pub peer_id: PeerId,
    /// The id of the transfer.
    pub id: TransferId,
    /// Whether the local player sends or receives the transfer.
    pub direction: Direction,
    /// The sender's label. In a transfer from a peer, it is untrusted text.
    pub label: String,
    /// The number of bytes that the recipient has received.
    pub done: u64,
    /// The length of the transfer in bytes.
    pub total: u64,
}

/// A transfer from a peer is complete. Triggered on the peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct TransferReceived {
    /// The peer entity.
    pub entity: Entity,
    /// The sender.
    pub peer_id: PeerId,
    /// The id of the transfer.
    pub id: TransferId,
    /// The sender's label, which is untrusted text.
    pub label: String,
    /// The received bytes. Their content is untrusted.
    pub bytes: Bytes,
}

/// A transfer to a peer is complete. Triggered on the peer entity.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct TransferDelivered {
    /// The peer entity.
    pub entity: Entity,
    /// The recipient.
    pub peer_id: PeerId,
    /// The id of the transfer.
    pub id: TransferId,
    /// The label passed to `send_transfer`.
    pub label: String,
}

/// A transfer ended before it was complete. Triggered on the peer entity, before
/// [`PeerLeft`](crate::PeerLeft) if the peer was lost. Not triggered if the local peer disconnected
/// the peer or left the room.
#[derive(EntityEvent, Reflect, Debug, Clone, PartialEq, Eq)]
#[reflect(opaque)]
#[reflect(Event, Debug, Clone, PartialEq)]
pub struct TransferFailed {
    /// The peer entity.
    pub entity: Entity,
    /// The other peer.
    pub peer_id: PeerId,
    /// The id of the transfer.
    pub id: TransferId,
    /// Whether the local player sends or receives the transfer.
    pub direction: Direction,
    /// The sender's label. In a transfer from a peer, it is untrusted text.
    pub label: String,
    /// The reason why the transfer failed.
    pub reason: TransferFailure,
}
