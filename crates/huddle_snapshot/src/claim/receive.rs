//! Registers of other peers, and changes of the host.

use std::time::Duration;

use huddle_id::PeerId;

use super::{
    outcome::{Outcome, Reaction},
    ownership::Ownership,
    policy::{ClaimError, Policy},
    record::{Comparison, compare},
    register::{Claim, Register},
};

impl Ownership {
    /// Handles a register that a peer sent in a record, or as an answer.
    ///
    /// A register can wait until the sender [becomes the host](Self::set_host). The caller calls
    /// [`link_lost`](Self::link_lost) for each lost link, so there is at most one per linked peer.
    pub fn receive(
        &mut self,
        from: PeerId,
        register: Register,
        now: Duration,
    ) -> (Reaction, Outcome) {
        let mut outcome = Outcome::default();
        let reaction = match compare(register, self.register, from) {
            Comparison::FromOwner => Reaction::TakeValues,
            Comparison::NotFromOwner => Reaction::Ignored,
            Comparison::Older => Reaction::Answer,
            Comparison::Newer => match self.rules.check(self.register, register, from, self.host) {
                Ok(()) => {
                    self.adopt(register, now, &mut outcome);
                    let takes_values = register.owner() == Some(from);
                    Reaction::Adopted { takes_values }
                }
                Err(error) => self.refuse(error, from, register, now, &mut outcome),
            },
        };
        (reaction, outcome)
    }

    /// Sets the host of the room, but takes nothing over. A host that has no values of an entity yet
    /// cannot own it.
    pub fn know_host(&mut self, host: Option<PeerId>) {
        self.host = host;
    }

    /// Sets the host of the room. The new host takes over the entities of the
    /// [host](Policy::Host).
    pub fn set_host(&mut self, host: Option<PeerId>, now: Duration) -> Outcome {
        self.host = host;
        let mut outcome = Outcome::default();
        let Register::Alive(claim) = self.register else {
            return outcome;
        };
        if self.rules.policy() != Policy::Host {
            return outcome;
        }
        if host == Some(self.local) {
            // The host outbids what it has not accepted from other peers.
            let deferred = std::mem::take(&mut self.deferred);
            let claims = deferred.values().filter_map(Register::claim);
            let greatest = claims.fold(claim, Claim::max);
            if greatest > claim || !self.is_mine() {
                let claim = self.succession(greatest);
                self.adopt(Register::Alive(claim), now, &mut outcome);
            }
        } else if let Some(register) = host.and_then(|host| self.deferred.remove(&host))
            && let Some(host) = host
        {
            (_, outcome) = self.receive(host, register, now);
        }
        outcome
    }

    fn refuse(
        &mut self,
        error: ClaimError,
        from: PeerId,
        register: Register,
        now: Duration,
        outcome: &mut Outcome,
    ) -> Reaction {
        let counter = match error {
            ClaimError::TooFar => &mut self.counters.too_far,
            ClaimError::NotHost | ClaimError::NotCreator => &mut self.counters.unauthorized,
            ClaimError::Kind { .. } | ClaimError::Touch(_) => &mut self.counters.illegal,
        };
        *counter = counter.saturating_add(1);
        if error != ClaimError::NotHost {
            return Reaction::Refused(error);
        }
        if self.host != Some(self.local) {
            // The sender may be the host already. It sends the register only until its packet is
            // acknowledged, so the register waits here for the local view of the host.
            if register.is_dead() || register.owner() == Some(from) {
                let deferred = self.deferred.entry(from).or_insert(register);
                *deferred = deferred.join(register);
            }
            return Reaction::Refused(error);
        }
        match register {
            Register::Dead => Reaction::DespawnProposed,
            Register::Alive(claim) => {
                let claim = self.succession(claim);
                self.adopt(Register::Alive(claim), now, outcome);
                Reaction::Outbid
            }
        }
    }
}
