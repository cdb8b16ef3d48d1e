//! The ownership of one entity at the local peer, and the claim under way.

use std::{collections::BTreeMap, time::Duration};

use huddle_id::PeerId;

use super::{
    jump::step,
    outcome::{
        Cause, ClaimEnd, ClaimEnded, Operation, Outcome, OwnershipChanged, Refusal, RequestDecision,
    },
    policy::{Policy, Rules},
    register::{Claim, ClaimKind, Register},
};

/// The time for which a peer that has lost an entity to a touch cannot touch it. Otherwise two
/// players whose entities push the same one would exchange it in every frame.
pub const TOUCH_COOLDOWN: Duration = Duration::from_millis(500);

/// The ownership of one entity, as the local peer knows it.
///
/// The methods of operations return what they changed. The caller sends the new
/// [`register`](Self::register) to every linked peer until the peer acknowledges it.
///
/// A claim takes effect immediately: the local peer is the owner as soon as the operation returns,
/// and the claim is *granted* when it is settled. It is *overruled* if a stronger claim arrives
/// before. Requests to an owner are the exception: they wait for the owner.
///
/// ```
/// use std::time::Duration;
///
/// use huddle_id::PeerId;
/// use huddle_snapshot::{claim::{ClaimEnd, Ownership, Policy, Rules}, id::EntityId};
///
/// let (local, creator) = (PeerId::from_u128(1), PeerId::from_u128(2));
/// let rules = Rules::new(EntityId::spawned(creator, 0), Policy::ByTouch);
/// let mut ownership = Ownership::new(local, rules);
///
/// let touched = ownership.touch(Duration::ZERO);
/// assert_eq!(touched.changed.map(|changed| changed.to), Some(Some(local)));
/// assert!(ownership.is_mine());
///
/// // Every linked peer has acknowledged the register.
/// let settled = ownership.settled();
/// assert_eq!(settled.ended[0].end, ClaimEnd::Granted);
/// ```
#[derive(Debug, Clone)]
pub struct Ownership {
    pub(super) local: PeerId,
    pub(super) rules: Rules,
    pub(super) host: Option<PeerId>,
    pub(super) register: Register,
    pub(super) pending: Option<Pending>,
    pub(super) cooldown_end: Duration,
    /// Registers of peers that are not the host in the view of the local peer, by sender. Only used
    /// with [`Policy::Host`].
    pub(super) deferred: BTreeMap<PeerId, Register>,
    pub(super) counters: RefusalCounters,
}

/// The number of received registers that the local peer refused, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RefusalCounters {
    /// Registers that were too far ahead. Honest peers send them after a long partition.
    pub too_far: u32,
    /// Registers that only the host or the creator may send. Honest peers send them when the host
    /// changes, and pass despawns on.
    pub unauthorized: u32,
    /// Registers that no honest peer sends.
    pub illegal: u32,
}

/// A claim of the local peer that has not ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) operation: Operation,
    pub(super) stage: Stage,
    pub(super) deadline: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The local peer is the owner, but a stronger claim may be on its way.
    Settling,
    /// The owner decides.
    Asking(PeerId),
}

impl Ownership {
    /// Creates the state of an entity about which the local peer has received nothing.
    pub fn new(local: PeerId, rules: Rules) -> Self {
        Self {
            local,
            rules,
            host: None,
            register: Register::initial(rules.entity()),
            pending: None,
            cooldown_end: Duration::ZERO,
            deferred: BTreeMap::new(),
            counters: RefusalCounters::default(),
        }
    }

    /// Creates the state of an entity that was despawned.
    pub fn despawned(local: PeerId, rules: Rules) -> Self {
        Self {
            register: Register::Dead,
            ..Self::new(local, rules)
        }
    }

    /// Returns the register to send to the other peers.
    pub const fn register(&self) -> Register {
        self.register
    }

    /// Returns the rules of the entity.
    pub const fn rules(&self) -> Rules {
        self.rules
    }

    /// Returns the owner. A despawned entity has none, nor has a placed entity that no peer has
    /// claimed.
    pub const fn owner(&self) -> Option<PeerId> {
        self.register.owner()
    }

    /// Returns `true` if the entity exists and the local peer owns it.
    pub fn is_mine(&self) -> bool {
        self.owner() == Some(self.local)
    }

    /// Returns `true` if the local peer has a claim that has not ended.
    pub const fn is_claiming(&self) -> bool {
        self.pending.is_some()
    }

    /// Returns the number of refused registers.
    pub const fn counters(&self) -> RefusalCounters {
        self.counters
    }

    /// Returns the register that answers a peer that has the register `known`. See [`step`].
    pub fn answer(&self, known: Register) -> Register {
        step(self.rules.entity(), known, self.register)
    }

    /// Decides about another peer's request for the entity.
    pub fn requested(&self, from: PeerId) -> RequestDecision {
        if self.rules.policy() != Policy::OnRequest {
            return RequestDecision::Deny;
        }
        match self.owner() {
            Some(owner) if owner == self.local => RequestDecision::AskGame,
            Some(owner) if owner == from => RequestDecision::Granted,
            _ => RequestDecision::Deny,
        }
    }

    /// Handles another peer's denial of a request.
    pub fn denied(&mut self, from: PeerId) -> Outcome {
        self.end_if(
            |pending| pending.stage == Stage::Asking(from),
            ClaimEnd::Refused(Refusal::ByOwner(from)),
        )
    }

    /// Handles that every linked peer has acknowledged the register, or that no peer is linked.
    pub fn settled(&mut self) -> Outcome {
        self.end_if(
            |pending| pending.stage == Stage::Settling,
            ClaimEnd::Granted,
        )
    }

    /// Ends claims that have taken too long. Call this in every frame while the local peer [is
    /// claiming](Self::is_claiming).
    pub fn poll(&mut self, now: Duration) -> Outcome {
        let end = match self.pending.map(|pending| pending.stage) {
            Some(Stage::Asking(_)) => ClaimEnd::Refused(Refusal::NoAnswer),
            _ => ClaimEnd::Granted,
        };
        self.end_if(|pending| now >= pending.deadline, end)
    }

    /// Handles that the link to a peer is lost.
    ///
    /// The entity keeps its owner until an heir [inherits](Self::inherit) it.
    pub fn link_lost(&mut self, peer: PeerId) -> Outcome {
        self.deferred.remove(&peer);
        self.end_if(
            |pending| pending.stage == Stage::Asking(peer),
            ClaimEnd::Refused(Refusal::NoAnswer),
        )
    }

    /// Ends the claim under way, because the caller forgets the entity.
    ///
    /// Do not forget a dead register while the peers that can still send the entity are in the room:
    /// the entity would come back.
    pub fn forget(mut self) -> Outcome {
        self.end_if(|_| true, ClaimEnd::Overruled(None))
    }

    /// Returns the claim with which the local peer takes an entity over from the owner of `claim`.
    pub(super) fn succession(&self, claim: Claim) -> Claim {
        let entity = self.rules.entity();
        match claim.owner() {
            None => Claim::first(entity, self.local),
            Some(_) => claim.raised(entity, ClaimKind::Inherited, self.local),
        }
    }

    /// Sets the register by the claim of another peer or an inheritance, and ends the claim under
    /// way if the register decides it.
    pub(super) fn adopt(&mut self, register: Register, now: Duration, outcome: &mut Outcome) {
        let was_mine = self.is_mine();
        self.set_register(register, outcome);
        let is_mine = self.is_mine();
        let is_touch = register.claim().is_some_and(|claim| claim.touch() > 0);
        if was_mine && !is_mine && is_touch {
            self.cooldown_end = now + TOUCH_COOLDOWN;
        }
        let winner = register.owner();
        match self.pending.map(|pending| pending.stage) {
            Some(Stage::Settling) if is_mine => {}
            Some(Stage::Asking(owner)) if winner == Some(owner) => {}
            Some(Stage::Asking(_)) if is_mine => self.end_pending(ClaimEnd::Granted, outcome),
            Some(_) => self.end_pending(ClaimEnd::Overruled(winner), outcome),
            None => {}
        }
    }

    pub(super) fn set_register(&mut self, register: Register, outcome: &mut Outcome) {
        let before = std::mem::replace(&mut self.register, register);
        match register {
            Register::Dead => outcome.despawned = !before.is_dead(),
            Register::Alive(claim) if claim.owner() != before.owner() => {
                outcome.changed = Some(OwnershipChanged {
                    from: before.owner(),
                    to: claim.owner(),
                    cause: Cause::of(claim),
                });
            }
            Register::Alive(_) => {}
        }
    }

    fn end_if(&mut self, condition: impl FnOnce(&Pending) -> bool, end: ClaimEnd) -> Outcome {
        let mut outcome = Outcome::default();
        if self.pending.as_ref().is_some_and(condition) {
            self.end_pending(end, &mut outcome);
        }
        outcome
    }

    pub(super) fn end_pending(&mut self, end: ClaimEnd, outcome: &mut Outcome) {
        if let Some(Pending { operation, .. }) = self.pending.take() {
            outcome.ended.push(ClaimEnded { operation, end });
        }
    }
}
