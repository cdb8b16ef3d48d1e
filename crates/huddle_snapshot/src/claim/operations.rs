//! The operations of the local peer on an entity.

use std::time::Duration;

use huddle_id::PeerId;

use super::{
    outcome::{ClaimEnd, ClaimEnded, Operation, Outcome, OwnerError, Refusal},
    ownership::{Ownership, Pending, Stage},
    policy::{OwnerGone, Policy},
    register::{Claim, ClaimKind, Register},
};

/// The time without a stronger claim after which a claim is granted, even if peers have not
/// acknowledged it.
pub const SETTLE_TIME: Duration = Duration::from_secs(1);

/// The time that an owner has to answer a request.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How an operation continues.
enum Start {
    AlreadyOwner,
    Take(Claim),
    Ask(PeerId),
}

impl Ownership {
    /// Claims the entity in the way that its [policy](Policy) provides.
    pub fn claim(&mut self, now: Duration) -> Outcome {
        self.start(Operation::Claim, now)
    }

    /// Claims the entity because an entity of the local peer touches it.
    ///
    /// Physics reports a touch in many frames. Call this only if the entity [is not
    /// mine](Self::is_mine), because every call is a claim of its own.
    pub fn touch(&mut self, now: Duration) -> Outcome {
        self.start(Operation::Touch, now)
    }

    /// Claims the entity in a way that touches of other peers cannot take it, until the local peer
    /// [releases](Self::release) it.
    pub fn hold(&mut self, now: Duration) -> Outcome {
        self.start(Operation::Hold, now)
    }

    /// Lets touches take the entity again. The local peer stays the owner until then, so that a
    /// thrown entity keeps moving.
    ///
    /// # Errors
    ///
    /// Returns an error if the local peer does not hold the entity.
    pub fn release(&mut self) -> Result<Outcome, OwnerError> {
        let claim = self.check_owner(self.rules.policy() == Policy::ByTouch)?;
        if !claim.is_held() {
            return Err(OwnerError::NotHeld);
        }
        let released = claim.raised(self.rules.entity(), ClaimKind::Released, self.local);
        Ok(self.decide(Register::Alive(released)))
    }

    /// Gives the entity to another peer. Touches can take it from there.
    ///
    /// # Errors
    ///
    /// Returns an error if the local peer does not own the entity, or cannot give it away.
    pub fn give(&mut self, peer: PeerId) -> Result<Outcome, OwnerError> {
        let policy = self.rules.policy();
        let claim = self.check_owner(matches!(policy, Policy::OnRequest | Policy::ByTouch))?;
        let given = claim.raised(self.rules.entity(), ClaimKind::Given, peer);
        Ok(self.decide(Register::Alive(given)))
    }

    /// Despawns the entity on every peer, for good.
    ///
    /// # Errors
    ///
    /// Returns an error if the local peer does not own the entity. An entity of the
    /// [host](Policy::Host) can only be despawned by the host.
    pub fn despawn(&mut self) -> Result<Outcome, OwnerError> {
        match self.rules.policy() {
            Policy::Host if self.register.is_dead() => return Err(OwnerError::Despawned),
            Policy::Host if self.host != Some(self.local) => return Err(OwnerError::NotHost),
            Policy::Host => {}
            _ => drop(self.check_owner(true)?),
        }
        Ok(self.decide(Register::Dead))
    }

    /// Makes the local peer the owner, because the owner is gone and the local peer is its
    /// [heir](crate::heir).
    ///
    /// Does nothing if the local peer is the owner, or if the rules do not pass the entity on to it.
    pub fn inherit(&mut self, now: Duration) -> Outcome {
        let mut outcome = Outcome::default();
        let is_host = self.host == Some(self.local);
        let is_heir = match self.rules.policy() {
            Policy::Host => is_host,
            _ => self.rules.owner_gone() == OwnerGone::PassOn,
        };
        if let Register::Alive(claim) = self.register
            && is_heir
            && !self.is_mine()
        {
            let claim = self.succession(claim);
            self.adopt(Register::Alive(claim), now, &mut outcome);
        }
        outcome
    }

    /// Gives up an entity that the local peer owned in an earlier session. It passes on to a peer that has
    /// it, or is dead. The caller does not record this despawn: a peer can invent such entities.
    pub(crate) fn abandon(&mut self, heir: PeerId) -> Outcome {
        let mut outcome = Outcome::default();
        if let Register::Alive(claim) = self.register {
            let register = match self.rules.owner_gone() {
                OwnerGone::Forget => Register::Dead,
                OwnerGone::PassOn => {
                    let entity = self.rules.entity();
                    Register::Alive(claim.raised(entity, ClaimKind::Inherited, heir))
                }
            };
            self.set_register(register, &mut outcome);
            outcome.despawned = false;
        }
        outcome
    }

    /// Starts a claim of the local peer.
    fn start(&mut self, operation: Operation, now: Duration) -> Outcome {
        let mut outcome = Outcome::default();
        let start = match self.next_claim(operation, now) {
            Ok(start) => start,
            Err(refusal) => {
                let end = ClaimEnd::Refused(refusal);
                outcome.ended.push(ClaimEnded { operation, end });
                return outcome;
            }
        };
        let (stage, deadline) = match start {
            Start::AlreadyOwner => {
                let end = ClaimEnd::Granted;
                outcome.ended.push(ClaimEnded { operation, end });
                return outcome;
            }
            Start::Take(claim) => {
                // A hold follows a touch that is not settled: the touch has succeeded so far.
                self.end_pending(ClaimEnd::Granted, &mut outcome);
                self.set_register(Register::Alive(claim), &mut outcome);
                (Stage::Settling, now + SETTLE_TIME)
            }
            Start::Ask(owner) => {
                outcome.ask = Some(owner);
                (Stage::Asking(owner), now + REQUEST_TIMEOUT)
            }
        };
        self.pending = Some(Pending {
            operation,
            stage,
            deadline,
        });
        outcome
    }

    fn next_claim(&self, operation: Operation, now: Duration) -> Result<Start, Refusal> {
        let entity = self.rules.entity();
        let Register::Alive(claim) = self.register else {
            return Err(Refusal::Despawned);
        };
        let is_blocked = |pending: Pending| {
            operation != Operation::Hold || matches!(pending.stage, Stage::Asking(_))
        };
        if self.pending.is_some_and(is_blocked) {
            return Err(Refusal::InProgress);
        }
        let policy = self.rules.policy();
        match (policy, operation) {
            (Policy::ByTouch, Operation::Hold) if !self.is_mine() || !claim.is_held() => {
                self.check_not_held(claim)?;
                let held = claim.raised(entity, ClaimKind::Held, self.local);
                Ok(Start::Take(held))
            }
            (Policy::ByTouch, Operation::Claim | Operation::Touch) if !self.is_mine() => {
                self.check_not_held(claim)?;
                match self.cooldown_end.checked_sub(now) {
                    None | Some(Duration::ZERO) => {
                        Ok(Start::Take(claim.touched(entity, self.local)))
                    }
                    Some(left) => Err(Refusal::Cooldown(left)),
                }
            }
            (Policy::OnRequest, Operation::Claim) if !self.is_mine() => Ok(match self.owner() {
                Some(owner) => Start::Ask(owner),
                None => Start::Take(self.succession(claim)),
            }),
            (Policy::Host, Operation::Claim) => match self.host == Some(self.local) {
                true if self.is_mine() => Ok(Start::AlreadyOwner),
                true => Ok(Start::Take(self.succession(claim))),
                false => Err(Refusal::NotHost),
            },
            (Policy::ByTouch, _) | (Policy::OnRequest, Operation::Claim) => Ok(Start::AlreadyOwner),
            (Policy::Fixed | Policy::OnRequest | Policy::Host, _) => Err(Refusal::Policy(policy)),
        }
    }

    fn check_not_held(&self, claim: Claim) -> Result<(), Refusal> {
        match claim.owner() {
            Some(owner) if claim.is_held() && owner != self.local => Err(Refusal::Held(owner)),
            _ => Ok(()),
        }
    }

    fn check_owner(&self, is_provided: bool) -> Result<Claim, OwnerError> {
        let claim = self.register.claim().ok_or(OwnerError::Despawned)?;
        if !is_provided {
            return Err(OwnerError::Policy(self.rules.policy()));
        }
        match self.is_mine() {
            true => Ok(claim),
            false => Err(OwnerError::NotOwner),
        }
    }

    /// Sets the register by a decision of the owner. A claim under way is granted: the local peer
    /// has decided as the owner.
    fn decide(&mut self, register: Register) -> Outcome {
        let mut outcome = Outcome::default();
        self.end_pending(ClaimEnd::Granted, &mut outcome);
        self.set_register(register, &mut outcome);
        outcome
    }
}
