use huddle_id::PeerId;

use crate::{
    claim::{ClaimEnded, OwnershipChanged},
    id::EntityId,
    layout::ComponentSet,
};

/// A change of the replicated entities that another peer caused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotEvent {
    /// An entity has appeared, with all of its components.
    Spawned {
        /// The entity.
        id: EntityId,
        /// The tick of the sender at which the entity had its values.
        tick: u32,
    },
    /// The values of an entity have changed.
    Changed {
        /// The entity.
        id: EntityId,
        /// The tick of the owner, or of its [relay](super::SnapshotSession::source_of), at which the entity had
        /// its values.
        tick: u32,
        /// The components whose values have changed. It includes those that were added.
        changed: ComponentSet,
        /// The components that the entity no longer has.
        removed: ComponentSet,
    },
    /// An entity has disappeared.
    Removed {
        /// The entity.
        id: EntityId,
        /// Why it has disappeared.
        reason: RemovalReason,
    },
    /// An entity has another owner.
    OwnershipChanged {
        /// The entity.
        id: EntityId,
        /// The change.
        change: OwnershipChanged,
    },
    /// A claim of the local peer has ended.
    ClaimEnded {
        /// The entity.
        id: EntityId,
        /// How it ended.
        end: ClaimEnded,
    },
    /// The local peer requests an entity from its owner. The caller delivers the request.
    Request {
        /// The entity.
        id: EntityId,
        /// The owner.
        owner: PeerId,
    },
}

/// Why an entity has disappeared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalReason {
    /// Its owner despawned it. It never comes back.
    Despawned,
    /// Its owner hides it from the local peer.
    Hidden,
    /// Its owner has left, and the entity with it.
    OwnerLeft,
}
