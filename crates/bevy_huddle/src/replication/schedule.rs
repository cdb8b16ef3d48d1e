//! When the systems of replication run.

use bevy::prelude::*;

/// The systems that exchange replicated entities with the session.
#[derive(SystemSet, Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReplicationSystems {
    /// Applies received entities to the world, in [`PreUpdate`], after
    /// [`HuddleSystems::Receive`](crate::HuddleSystems::Receive).
    Apply,
    /// Updates [`Interpolated`](crate::replication::Interpolated), between the fixed main loop and
    /// [`Update`].
    Interpolate,
    /// Collects new entities, in [`FixedPostUpdate`].
    Enter,
    /// Collects the changes of the entities of the local peer, in [`FixedPostUpdate`], after
    /// [`Enter`](Self::Enter) and before [`HuddleSystems::Send`](crate::HuddleSystems::Send).
    Collect,
}
