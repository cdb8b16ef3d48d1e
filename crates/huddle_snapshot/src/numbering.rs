//! The numbers of entities. A number contains the rules of its entity, so no peer can change them.

use crate::{
    claim::{OwnerGone, Policy, Rules},
    id::EntityId,
};

/// The number of bits that count the entities of a creator with the same rules.
const COUNT_BITS: u32 = 29;

/// The maximum number of entities that a peer spawns with the same rules.
pub(crate) const MAX_COUNT: u32 = 1 << COUNT_BITS;

const POLICIES: [Policy; 4] = [
    Policy::Fixed,
    Policy::OnRequest,
    Policy::ByTouch,
    Policy::Host,
];

/// Returns the number of the entity that a creator counts as `count`, below [`MAX_COUNT`].
///
/// The highest two bits are the policy, and the next one is set if the entity passes on when its owner
/// is gone.
pub(crate) fn number(policy: Policy, owner_gone: OwnerGone, count: u32) -> u32 {
    let policy = POLICIES.iter().position(|it| *it == policy);
    let policy = policy.unwrap_or_default() as u32;
    let passes_on = u32::from(owner_gone == OwnerGone::PassOn);
    (policy << 1 | passes_on) << COUNT_BITS | count & (MAX_COUNT - 1)
}

/// Returns the `nth` count of a peer that starts with `start`. The counts wrap around.
pub(crate) const fn count_from(start: u32, nth: u32) -> u32 {
    start.wrapping_add(nth) % MAX_COUNT
}

/// Returns a number that the entities of a creator with the same rules share.
pub(crate) const fn group(number: u32) -> u32 {
    number >> COUNT_BITS
}

/// Returns the rules of an entity.
pub(crate) fn rules_of(id: EntityId) -> Rules {
    let bits = group(id.number);
    let policy = POLICIES
        .get(bits as usize >> 1)
        .copied()
        .unwrap_or_default();
    let owner_gone = match bits & 1 {
        1 => OwnerGone::PassOn,
        _ => OwnerGone::Forget,
    };
    Rules::with_owner_gone(id, policy, owner_gone)
}

#[cfg(test)]
mod tests {
    use huddle_id::PeerId;

    use super::*;

    #[test]
    fn number_contains_the_rules() {
        let peer = PeerId::from_u128(1);
        for policy in POLICIES {
            for owner_gone in [OwnerGone::Forget, OwnerGone::PassOn] {
                for count in [0, 7, MAX_COUNT - 1] {
                    let id = EntityId::spawned(peer, number(policy, owner_gone, count));
                    let expected = Rules::with_owner_gone(id, policy, owner_gone);
                    assert_eq!(rules_of(id), expected);
                }
            }
        }
    }

    #[test]
    fn entities_with_the_same_rules_have_consecutive_numbers() {
        let next = |count| number(Policy::ByTouch, OwnerGone::PassOn, count);
        assert_eq!(next(1), next(0) + 1);
        assert_eq!(number(Policy::Fixed, OwnerGone::Forget, 0), 0);
    }
}
