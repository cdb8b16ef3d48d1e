//! The policies of an entity, and the claims that are legal under them.

use huddle_id::PeerId;

use super::{
    jump::is_too_far,
    register::{ClaimKind, Register},
};
use crate::id::{Creator, EntityId};

/// How peers take the ownership of an entity from each other.
///
/// | policy | claim | touch | hold, release | give |
/// |---|---|---|---|---|
/// | `Fixed` | | | | |
/// | `OnRequest` | asks the owner | | | the owner |
/// | `ByTouch` | like a touch | unless the entity is held | any peer unless another holds it | the owner |
/// | `Host` | the host | | | |
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The entity keeps its owner, and the peers forget it when the owner is gone.
    #[default]
    Fixed,
    /// A peer asks the owner for the entity. The owner decides.
    OnRequest,
    /// A peer takes the entity when its own entities touch it.
    ByTouch,
    /// The host owns the entity.
    Host,
}

/// What happens to an entity whose owner is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnerGone {
    /// The remaining peers forget the entity. It comes back if its owner does.
    Forget,
    /// The first [heir](crate::heir) becomes the owner.
    PassOn,
}

/// The rules for the ownership of one entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rules {
    entity: EntityId,
    policy: Policy,
    owner_gone: OwnerGone,
}

/// A received register that the policy of the entity forbids. The local peer ignores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// The counters of the register are too far ahead. This is not a protocol violation: answer with
    /// the local register, and the sender replies with a [step](super::step) that is not too far.
    #[error("a register raises a counter by more than {max}; answer with the local register", max = super::MAX_JUMP)]
    TooFar,
    /// The policy has no claims of this kind.
    #[error(
        "the policy {policy:?} forbids claims of the kind {kind:?}; disconnect a peer that repeats this"
    )]
    Kind {
        /// The policy of the entity.
        policy: Policy,
        /// The kind of the claim.
        kind: ClaimKind,
    },
    /// The policy has no touches.
    #[error("the policy {0:?} forbids touches; disconnect a peer that repeats this")]
    Touch(Policy),
    /// Only the creator may despawn the entity. This is not a protocol violation: an honest peer
    /// answers an old record with the despawn that it has received.
    #[error("only the creator of the entity may despawn it; wait for the creator")]
    NotCreator,
    /// Only the host may claim or despawn the entity. This is not a protocol violation: after a
    /// change of the host, peers disagree about the host for a moment.
    #[error("only the host may claim or despawn the entity; wait for the host")]
    NotHost,
}

impl Policy {
    /// Returns what happens to an entity with this policy when its owner is gone, unless the entity
    /// overrides it.
    pub const fn default_owner_gone(self) -> OwnerGone {
        match self {
            Self::Fixed => OwnerGone::Forget,
            Self::OnRequest | Self::ByTouch | Self::Host => OwnerGone::PassOn,
        }
    }
}

impl Rules {
    /// Creates the rules of an entity with the default of its policy for an owner that is gone.
    pub const fn new(entity: EntityId, policy: Policy) -> Self {
        Self::with_owner_gone(entity, policy, policy.default_owner_gone())
    }

    /// Creates the rules of an entity that overrides what happens when its owner is gone.
    ///
    /// Placed entities are always passed on, because every peer has them, regardless of who is in the
    /// room. Entities of the [host](Policy::Host) are always passed on to the next host.
    pub const fn with_owner_gone(entity: EntityId, policy: Policy, owner_gone: OwnerGone) -> Self {
        let owner_gone = match (entity.creator, policy) {
            (Creator::Placed, _) | (_, Policy::Host) => OwnerGone::PassOn,
            _ => owner_gone,
        };
        Self {
            entity,
            policy,
            owner_gone,
        }
    }

    /// Returns the entity.
    pub const fn entity(&self) -> EntityId {
        self.entity
    }

    /// Returns the policy.
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// Returns what happens when the owner is gone.
    pub const fn owner_gone(&self) -> OwnerGone {
        self.owner_gone
    }

    /// Checks a register that a peer sent and that is greater than the local one.
    ///
    /// | policy | legal claims | legal despawns |
    /// |---|---|---|
    /// | `Fixed`, forgotten | the first one | from the creator |
    /// | `Fixed`, passed on | the first one, inheritances | all |
    /// | `OnRequest` | the first one, gifts, inheritances if passed on | all |
    /// | `ByTouch` | all, but inheritances only if passed on | all |
    /// | `Host` | the first one and inheritances, if the host makes and sends them | from the host |
    ///
    /// Apart from jumps and the host, the result does not depend on the local register. Otherwise
    /// peers that receive the same registers in another order would decide differently.
    ///
    /// # Errors
    ///
    /// Returns an error if the peer must not adopt the register.
    pub fn check(
        &self,
        before: Register,
        after: Register,
        from: PeerId,
        host: Option<PeerId>,
    ) -> Result<(), ClaimError> {
        let Register::Alive(claim) = after else {
            return self.check_despawn(from, host);
        };
        if is_too_far(before, after) {
            return Err(ClaimError::TooFar);
        }
        if claim.touch() > 0 && self.policy != Policy::ByTouch {
            return Err(ClaimError::Touch(self.policy));
        }
        if !self.allows(claim.kind()) {
            return Err(ClaimError::Kind {
                policy: self.policy,
                kind: claim.kind(),
            });
        }
        if self.policy == Policy::Host && (Some(from) != host || claim.owner() != host) {
            return Err(ClaimError::NotHost);
        }
        Ok(())
    }

    fn check_despawn(&self, from: PeerId, host: Option<PeerId>) -> Result<(), ClaimError> {
        let is_creator = self.entity.creator == Creator::Peer(from);
        match (self.policy, self.owner_gone) {
            (Policy::Fixed, OwnerGone::Forget) if !is_creator => Err(ClaimError::NotCreator),
            (Policy::Host, _) if Some(from) != host => Err(ClaimError::NotHost),
            _ => Ok(()),
        }
    }

    fn allows(&self, kind: ClaimKind) -> bool {
        match kind {
            ClaimKind::Spawned => true,
            ClaimKind::Inherited => self.owner_gone == OwnerGone::PassOn,
            ClaimKind::Given => matches!(self.policy, Policy::OnRequest | Policy::ByTouch),
            ClaimKind::Held | ClaimKind::Released => self.policy == Policy::ByTouch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{jump::MAX_JUMP, register::Claim},
        *,
    };

    const CREATOR: PeerId = PeerId::from_u128(1);
    const OTHER: PeerId = PeerId::from_u128(2);
    const HOST: PeerId = PeerId::from_u128(3);

    fn entity() -> EntityId {
        EntityId::spawned(CREATOR, 0)
    }

    fn alive(kind: ClaimKind, touch: u64, owner: PeerId) -> Register {
        let hold = u64::from(kind != ClaimKind::Spawned);
        Register::Alive(Claim::new(entity(), kind, hold, touch, Some(owner)).unwrap())
    }

    fn check(rules: Rules, after: Register, from: PeerId) -> Result<(), ClaimError> {
        rules.check(Register::initial(entity()), after, from, Some(HOST))
    }

    #[test]
    fn each_policy_has_its_kinds_of_claims() {
        use ClaimKind::*;
        let forget = |policy| Rules::with_owner_gone(entity(), policy, OwnerGone::Forget);
        let pass_on = |policy| Rules::with_owner_gone(entity(), policy, OwnerGone::PassOn);
        let table: [(Rules, &[ClaimKind]); 6] = [
            (forget(Policy::Fixed), &[]),
            (pass_on(Policy::Fixed), &[Inherited]),
            (forget(Policy::OnRequest), &[Given]),
            (pass_on(Policy::OnRequest), &[Given, Inherited]),
            (forget(Policy::ByTouch), &[Given, Held, Released]),
            (
                pass_on(Policy::ByTouch),
                &[Given, Held, Released, Inherited],
            ),
        ];
        for (rules, legal) in table {
            for kind in [Inherited, Released, Given, Held] {
                let result = check(rules, alive(kind, 0, OTHER), OTHER);
                assert_eq!(result.is_ok(), legal.contains(&kind), "{rules:?} {kind:?}");
            }
        }
    }

    #[test]
    fn only_one_policy_has_touches() {
        let touched = alive(ClaimKind::Spawned, 1, OTHER);
        for policy in [Policy::Fixed, Policy::OnRequest, Policy::Host] {
            let result = check(Rules::new(entity(), policy), touched, OTHER);
            assert_eq!(result, Err(ClaimError::Touch(policy)));
        }
        let rules = Rules::new(entity(), Policy::ByTouch);
        assert_eq!(check(rules, touched, OTHER), Ok(()));
    }

    #[test]
    fn only_the_creator_despawns_an_entity_that_keeps_its_owner() {
        let rules = Rules::new(entity(), Policy::Fixed);
        let dead = Register::Dead;
        assert_eq!(check(rules, dead, CREATOR), Ok(()));
        assert_eq!(check(rules, dead, OTHER), Err(ClaimError::NotCreator));
    }

    #[test]
    fn only_the_host_claims_and_despawns_entities_of_the_host() {
        let rules = Rules::new(entity(), Policy::Host);
        let claim = |owner| alive(ClaimKind::Inherited, 0, owner);
        assert_eq!(check(rules, claim(HOST), HOST), Ok(()));
        assert_eq!(check(rules, claim(HOST), OTHER), Err(ClaimError::NotHost));
        assert_eq!(check(rules, claim(OTHER), OTHER), Err(ClaimError::NotHost));
        assert_eq!(check(rules, claim(OTHER), HOST), Err(ClaimError::NotHost));
        let dead = Register::Dead;
        assert_eq!(check(rules, dead, HOST), Ok(()));
        assert_eq!(check(rules, dead, CREATOR), Err(ClaimError::NotHost));
    }

    #[test]
    fn jump_past_the_limit_is_refused() {
        let rules = Rules::new(entity(), Policy::ByTouch);
        let touched = alive(ClaimKind::Spawned, MAX_JUMP + 1, OTHER);
        assert_eq!(check(rules, touched, OTHER), Err(ClaimError::TooFar));
    }

    #[test]
    fn placed_entities_and_entities_of_the_host_are_always_passed_on() {
        let rules = Rules::with_owner_gone(EntityId::placed(1), Policy::Fixed, OwnerGone::Forget);
        assert_eq!(rules.owner_gone(), OwnerGone::PassOn);
        let rules = Rules::with_owner_gone(entity(), Policy::Host, OwnerGone::Forget);
        assert_eq!(rules.owner_gone(), OwnerGone::PassOn);
    }
}
