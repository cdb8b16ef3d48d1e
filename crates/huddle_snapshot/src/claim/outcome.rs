//! The outcomes of claims and of received registers.

use std::time::Duration;

use huddle_id::PeerId;

use super::{
    policy::{ClaimError, Policy},
    register::{Claim, ClaimKind},
};

/// The operation with which the local peer claims an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A claim in the way that the policy provides.
    Claim,
    /// A touch.
    Touch,
    /// A claim that touches cannot take.
    Hold,
}

/// The end of a claim of the local peer. Every claim ends exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClaimEnded {
    /// The operation that made the claim.
    pub operation: Operation,
    /// How the claim ended.
    pub end: ClaimEnd,
}

/// How a claim of the local peer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClaimEnd {
    /// The local peer owns the entity. Later claims of other peers can still take it.
    Granted,
    /// The claim was not possible, or the owner refused it.
    Refused(Refusal),
    /// A claim of another peer won, or the entity was despawned or forgotten (`None`).
    Overruled(Option<PeerId>),
}

/// The reason why a claim was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The policy of the entity does not provide the operation.
    #[error(
        "the policy {0:?} does not provide this operation; spawn the entity with another policy"
    )]
    Policy(Policy),
    /// The entity was despawned.
    #[error("the entity was despawned; drop the reference to it")]
    Despawned,
    /// Another peer holds the entity.
    #[error("{0} holds the entity; wait until it releases the entity")]
    Held(PeerId),
    /// The local peer has lost the entity to a touch a moment ago.
    #[error("another peer took the entity by touch; touch it again in {0:?}")]
    Cooldown(Duration),
    /// The local peer claims the entity already.
    #[error("a claim of this entity is under way; wait until it ends")]
    InProgress,
    /// Only the host may claim the entity.
    #[error("only the host may claim the entity; let the host change it instead")]
    NotHost,
    /// The owner refused the request.
    #[error("the owner {0} refused the request; ask again later")]
    ByOwner(PeerId),
    /// The owner did not answer the request in time, or left.
    #[error("the owner did not answer the request; ask again later")]
    NoAnswer,
}

/// Errors of operations that only the owner can perform. The operation changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum OwnerError {
    /// The policy of the entity does not provide the operation.
    #[error(
        "the policy {0:?} does not provide this operation; spawn the entity with another policy"
    )]
    Policy(Policy),
    /// The entity was despawned.
    #[error("the entity was despawned; drop the reference to it")]
    Despawned,
    /// The local peer is not the owner.
    #[error("the local peer does not own the entity; claim the entity first")]
    NotOwner,
    /// The local peer does not hold the entity.
    #[error("the local peer does not hold the entity; only a held entity can be released")]
    NotHeld,
    /// The local peer is not the host.
    #[error("the local peer is not the host; only the host can do this to the entity")]
    NotHost,
}

/// A change of the owner of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnershipChanged {
    /// The previous owner.
    pub from: Option<PeerId>,
    /// The new owner.
    pub to: Option<PeerId>,
    /// How the new owner got the entity.
    pub cause: Cause,
}

/// How a peer became the owner of an entity.
///
/// The cause follows from the winning claim alone, so every peer sees the same cause. A peer that
/// misses a claim in between sees the cause of the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A placed entity got its first owner.
    First,
    /// The new owner touched the entity.
    Touched,
    /// The new owner holds the entity.
    Held,
    /// The new owner held the entity and has released it.
    Released,
    /// The previous owner gave the entity away.
    Given,
    /// The previous owner was gone, or is no longer the host.
    Inherited,
}

impl Cause {
    pub(super) const fn of(claim: Claim) -> Self {
        match claim.kind() {
            _ if claim.touch() > 0 => Self::Touched,
            ClaimKind::Spawned => Self::First,
            ClaimKind::Inherited => Self::Inherited,
            ClaimKind::Released => Self::Released,
            ClaimKind::Given => Self::Given,
            ClaimKind::Held => Self::Held,
        }
    }
}

/// What an operation or a received message changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Outcome {
    /// The claims of the local peer that ended, in order. The list has at most two elements.
    pub ended: Vec<ClaimEnded>,
    /// The change of the owner.
    pub changed: Option<OwnershipChanged>,
    /// Whether the entity was despawned.
    pub despawned: bool,
    /// The owner, to which the caller sends a request for the entity. The request must arrive
    /// exactly once. The owner calls [`requested`](super::Ownership::requested). If the local peer
    /// has no link to the owner, the caller calls [`link_lost`](super::Ownership::link_lost).
    pub ask: Option<PeerId>,
}

/// The reaction to a received register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// The local peer adopted the register.
    Adopted {
        /// Whether the caller takes the values of the record, because the new owner sent it.
        takes_values: bool,
    },
    /// The owner sent the record. The caller takes its values.
    TakeValues,
    /// The caller ignores the values.
    Ignored,
    /// The sender has an older register. The caller ignores the values, and sends
    /// [`answer`](super::Ownership::answer) until the sender acknowledges it.
    Answer,
    /// The host has taken the entity back from the register. The caller answers as for
    /// [`Answer`](Self::Answer).
    Outbid,
    /// A former host despawned the entity, and the local peer is the host now. The entity still
    /// exists here. If the local host trusts the sender, it despawns the entity, too.
    DespawnProposed,
    /// The local peer refused the register. The caller ignores the values. For
    /// [`TooFar`](ClaimError::TooFar), it answers as for [`Answer`](Self::Answer).
    Refused(ClaimError),
}

impl Reaction {
    /// Returns `true` if the caller sends [`answer`](super::Ownership::answer) to the sender.
    pub const fn needs_answer(&self) -> bool {
        matches!(
            self,
            Self::Answer | Self::Outbid | Self::Refused(ClaimError::TooFar)
        )
    }

    /// Returns `true` if the caller takes the values of the record.
    pub const fn takes_values(&self) -> bool {
        matches!(
            self,
            Self::TakeValues | Self::Adopted { takes_values: true }
        )
    }
}

/// The answer of the local peer to a request for an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestDecision {
    /// The local peer owns the entity. The game decides, and the caller calls
    /// [`give`](super::Ownership::give) or sends a denial.
    AskGame,
    /// The caller sends a denial and [`answer`](super::Ownership::answer). The requesting peer
    /// calls [`denied`](super::Ownership::denied).
    Deny,
    /// The peer that asks owns the entity already. The caller sends
    /// [`answer`](super::Ownership::answer).
    Granted,
}
