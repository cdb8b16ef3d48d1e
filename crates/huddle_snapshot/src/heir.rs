//! The heirs of an entity whose owner is gone.
//!
//! An owner is gone when no member of the room reports a link to it ([`is_gone`]). A member that has
//! lost only its own link to the owner must not inherit: the owner plays on with the other members.
//!
//! All members are candidates. They are ordered by their [rank](EntityId::rank) for the entity,
//! which every peer calculates alike (rendezvous hashing), so the entities of a lost peer spread
//! over the room. The first candidate claims the entity immediately, and each further candidate
//! waits [`HEIR_INTERVAL`] longer. A candidate that has not noticed the loss, or whose game has
//! stopped, thus delays the entity without blocking it.
//!
//! Two candidates can claim at the same time, because they noticed the loss at different times. Then
//! their claims have the same hold and kind, and the higher rank wins. This is the candidate that
//! comes first in the order.
//!
//! A placed entity without an owner is treated like an entity whose owner is gone. See
//! [`Vacancy::owner`].

use std::time::Duration;

use huddle_id::PeerId;

use crate::{
    claim::{OwnerGone, Policy, Rules},
    id::EntityId,
};

/// The time between the claims of two candidates that follow each other in the order.
pub const HEIR_INTERVAL: Duration = Duration::from_millis(250);

/// Returns `true` if no member reports a link to a peer. A link is reported as the member that
/// reports it, and the peer at its other end.
///
/// What the peer itself reports does not count.
pub fn is_gone(peer: PeerId, links: impl IntoIterator<Item = (PeerId, PeerId)>) -> bool {
    !links
        .into_iter()
        .any(|(member, linked)| member != peer && linked == peer)
}

/// An entity that exists, and whose owner is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vacancy {
    /// The rules of the entity.
    pub rules: Rules,
    /// The owner that is gone; `None` for a placed entity that no peer has claimed.
    ///
    /// Such an entity needs an owner only if something has to move it without a touch. For the
    /// policy [`ByTouch`](Policy::ByTouch), the caller can leave it without an owner.
    pub owner: Option<PeerId>,
    /// The time at which the local peer noticed that the owner is gone. Without an owner, the time
    /// at which the local peer entered the room.
    pub since: Duration,
}

/// What the local peer does about an entity whose owner is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Succession {
    /// Forget the entity. It is not dead, and comes back if its owner does.
    Forget,
    /// Claim the entity with [`inherit`](crate::claim::Ownership::inherit).
    Inherit,
    /// Wait until this time, unless another peer claims the entity before.
    WaitUntil(Duration),
    /// Wait for the host, which is the only heir.
    WaitForHost,
}

impl Vacancy {
    /// Returns what the local peer does.
    ///
    /// `members` are the peers in the room, each once, with or without the local peer and the owner.
    pub fn succession(
        &self,
        local: PeerId,
        host: Option<PeerId>,
        members: impl IntoIterator<Item = PeerId>,
        now: Duration,
    ) -> Succession {
        match (self.rules.owner_gone(), self.rules.policy()) {
            (OwnerGone::Forget, _) => Succession::Forget,
            (OwnerGone::PassOn, Policy::Host) if host == Some(local) => Succession::Inherit,
            (OwnerGone::PassOn, Policy::Host) => Succession::WaitForHost,
            (OwnerGone::PassOn, _) => {
                let time = self.claim_time(local, members);
                match now >= time {
                    true => Succession::Inherit,
                    false => Succession::WaitUntil(time),
                }
            }
        }
    }

    /// Returns the time at which the local peer claims the entity.
    fn claim_time(&self, local: PeerId, members: impl IntoIterator<Item = PeerId>) -> Duration {
        let entity = self.rules.entity();
        let order = |peer| (entity.rank(peer), peer);
        let before = members
            .into_iter()
            .filter(|&peer| Some(peer) != self.owner && order(peer) > order(local))
            .count();
        let before = u32::try_from(before).unwrap_or(u32::MAX);
        self.since
            .saturating_add(HEIR_INTERVAL.saturating_mul(before))
    }
}

/// Returns the candidates for an entity among the members of the room, the first heir first.
pub fn candidates(entity: EntityId, members: impl IntoIterator<Item = PeerId>) -> Vec<PeerId> {
    let mut order: Vec<_> = members.into_iter().collect();
    order.sort_unstable_by_key(|&peer| std::cmp::Reverse((entity.rank(peer), peer)));
    order.dedup();
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Ownership;

    const OWNER: PeerId = PeerId::from_u128(100);
    const SINCE: Duration = Duration::from_secs(3);

    fn peers() -> Vec<PeerId> {
        (1..=5).map(PeerId::from_u128).collect()
    }

    fn vacancy(policy: Policy, owner_gone: OwnerGone) -> Vacancy {
        Vacancy {
            rules: Rules::with_owner_gone(EntityId::spawned(OWNER, 4), policy, owner_gone),
            owner: Some(OWNER),
            since: SINCE,
        }
    }

    #[test]
    fn owner_with_a_link_to_any_member_is_not_gone() {
        let [a, b] = [1, 2].map(PeerId::from_u128);
        assert!(!is_gone(OWNER, [(a, b), (b, OWNER)]));
        assert!(is_gone(OWNER, [(a, b), (b, a)]));
    }

    #[test]
    fn reports_of_the_owner_itself_do_not_count() {
        assert!(is_gone(
            OWNER,
            [(OWNER, OWNER), (OWNER, PeerId::from_u128(1))]
        ));
    }

    #[test]
    fn candidates_claim_one_after_another() {
        let vacancy = vacancy(Policy::ByTouch, OwnerGone::PassOn);
        let order = candidates(vacancy.rules.entity(), peers());
        assert_eq!(order.len(), 5);
        for (k, &peer) in (0..).zip(&order) {
            let time = SINCE + k * HEIR_INTERVAL;
            let at = |now| vacancy.succession(peer, None, peers(), now);
            assert_eq!(at(time), Succession::Inherit);
            if k > 0 {
                let early = time - Duration::from_millis(1);
                assert_eq!(at(early), Succession::WaitUntil(time));
            }
        }
    }

    #[test]
    fn lists_with_and_without_the_local_peer_and_the_owner_agree() {
        let vacancy = vacancy(Policy::OnRequest, OwnerGone::PassOn);
        for local in peers() {
            let others = peers().into_iter().filter(|&peer| peer != local);
            let with_owner = peers().into_iter().chain([OWNER]);
            let expected = vacancy.claim_time(local, peers());
            assert_eq!(vacancy.claim_time(local, others), expected);
            assert_eq!(vacancy.claim_time(local, with_owner), expected);
        }
    }

    #[test]
    fn first_candidate_wins_claims_at_the_same_time() {
        let vacancy = vacancy(Policy::ByTouch, OwnerGone::PassOn);
        let order = candidates(vacancy.rules.entity(), peers());
        let inherited = peers().into_iter().map(|peer| {
            let mut ownership = Ownership::new(peer, vacancy.rules);
            let outcome = ownership.inherit(SINCE);
            assert!(outcome.changed.is_some());
            ownership.register()
        });
        let winner = inherited.max().unwrap().owner();
        assert_eq!(winner, order.first().copied());
    }

    #[test]
    fn entities_of_a_lost_peer_spread_over_the_room() {
        let mut counts = [0; 5];
        for number in 0..1000 {
            let entity = EntityId::spawned(OWNER, number);
            let first = candidates(entity, peers())[0];
            counts[first.as_u128() as usize - 1] += 1;
        }
        assert!(
            counts.iter().all(|count| (120..280).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn entity_that_goes_with_its_owner_is_forgotten() {
        let vacancy = vacancy(Policy::Fixed, OwnerGone::Forget);
        let local = PeerId::from_u128(1);
        let succession = vacancy.succession(local, None, peers(), SINCE);
        assert_eq!(succession, Succession::Forget);
    }

    #[test]
    fn only_the_host_inherits_entities_of_the_host() {
        let vacancy = vacancy(Policy::Host, OwnerGone::PassOn);
        let [host, other] = [1, 2].map(PeerId::from_u128);
        let succession = |local| vacancy.succession(local, Some(host), peers(), SINCE);
        assert_eq!(succession(host), Succession::Inherit);
        assert_eq!(succession(other), Succession::WaitForHost);
    }

    #[test]
    fn placed_entity_without_an_owner_has_heirs() {
        let rules = Rules::new(EntityId::placed(1), Policy::OnRequest);
        let vacancy = Vacancy {
            rules,
            owner: None,
            since: SINCE,
        };
        let local = PeerId::from_u128(1);
        let succession = vacancy.succession(local, None, [], SINCE);
        assert_eq!(succession, Succession::Inherit);
    }
}
