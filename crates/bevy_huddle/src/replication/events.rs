//! The events of replicated entities.

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_session::codec::EncodeError;
use huddle_snapshot::{
    EntityError, MAX_BLOB_LEN,
    claim::{Cause, ClaimEnd, Operation},
};
use thiserror::Error;

use super::components::OwnershipPolicy;

/// Triggered on a replicated entity, on every peer, after its [`Owner`](super::Owner) has changed.
#[derive(EntityEvent, Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnershipChanged {
    /// The entity.
    pub entity: Entity,
    /// The previous owner.
    pub from: Option<PeerId>,
    /// The new owner.
    pub to: Option<PeerId>,
    /// How the new owner got the entity.
    pub cause: Cause,
}

/// A claim of the local peer has ended. Every claim ends exactly once. Triggered on the entity.
#[derive(EntityEvent, Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimEnded {
    /// The entity.
    pub entity: Entity,
    /// The command that made the claim.
    pub operation: Operation,
    /// How it ended: granted, refused or overruled.
    pub end: ClaimEnd,
}

/// Triggered on an entity that cannot be replicated, or on which a command had no effect. The other
/// peers keep the last value that could be sent.
#[derive(EntityEvent, Debug, Clone, PartialEq, Eq)]
pub struct ReplicationFailed {
    /// The entity.
    pub entity: Entity,
    /// The reason, and what to do.
    pub error: ReplicationError,
}

/// The reason why an entity, or a command about it, has no effect on the other peers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReplicationError {
    /// The entity is not in a room.
    #[error("the entity is not replicated in a room: insert `Replicated`, and join a room first")]
    NotReplicated,
    /// The value of a component cannot be encoded.
    #[error("the component \"{name}\": {error}")]
    Encode {
        /// The name of the component.
        name: &'static str,
        /// The reason.
        error: EncodeError,
    },
    /// The value of a component is too long.
    #[error("the component \"{name}\" takes {len} bytes, but the maximum is {max}: {}", advice(*max))]
    TooLarge {
        /// The name of the component.
        name: &'static str,
        /// The length of the value, in bytes.
        len: usize,
        /// The maximum length, in bytes.
        max: usize,
    },
    /// The change is not possible.
    #[error(transparent)]
    Entity(#[from] EntityError),
    /// An entity of the host would be hidden.
    #[error(
        "an entity with `OwnershipPolicy::Host` cannot be hidden, because the next host takes it over: give it another policy"
    )]
    HostVisibility,
    /// The number of an entity of the level is too large.
    #[error("the entity has `PlacedId({0})`: number the entities of the level from 0 to 2^28 - 1")]
    PlacedId(u32),
    /// Nobody could become the owner of an entity of the level.
    #[error(
        "an entity of the level has the policy {0:?}, with which nobody can become its owner: use `ByTouch` or `Host`"
    )]
    PlacedPolicy(OwnershipPolicy),
    /// Another entity of the level has the same number.
    #[error(
        "another entity has `PlacedId({0})`, too: give each entity of the level its own number"
    )]
    DuplicatePlacedId(u32),
    /// Only entities of the level can be unloaded.
    #[error(
        "the entity has no `PlacedId`: only entities of the level can be unloaded, so despawn it"
    )]
    NotPlaced,
    /// The entity is replicated and rolled back.
    #[error(
        "the entity has both `Replicated` and `Rollback`: a match shares its state by inputs, so remove one of the two"
    )]
    RolledBack,
}

impl ReplicationError {
    /// Returns the error of a component that cannot be encoded.
    pub(super) fn encode(name: &'static str, error: EncodeError) -> Self {
        match error {
            EncodeError::TooLong { len, max } => Self::TooLarge { name, len, max },
            error => Self::Encode { name, error },
        }
    }
}

fn advice(max: usize) -> &'static str {
    match max {
        ..=MAX_BLOB_LEN => {
            "replicate less, or register it with `replicate_with(name, |rule| rule.large())`"
        }
        _ => "replicate less, split it into several entities, or send it with `send_transfer`",
    }
}
