//! The limit for how far one register may raise the counters of another.
//!
//! Without a limit, a hostile peer could claim an entity with the greatest possible hold, and no
//! peer could ever claim it again. Therefore a peer adopts a register only if it raises a counter
//! by at most [`MAX_JUMP`]. The greatest counter among all honest peers then grows by at most
//! `MAX_JUMP` per received register. A counter has 64 bits, so it takes 2^48 registers to exhaust
//! it: 892 years at 10,000 registers per second. A 32-bit counter with the same limit would last
//! seven seconds.
//!
//! An honest counter can be further ahead, for example after a long partition, or after a hostile
//! peer has raised it several times on one side. A refusal alone would separate the peers for good.
//! Instead, the peer that is ahead answers with a [`step`] that the other peer can adopt, and then
//! with the next one. A step is less than the register of the peer that sends it. It therefore loses
//! everywhere except at the peer that needs it.

use super::register::{Claim, Register};
use crate::id::EntityId;

/// The maximum by which one register may raise the hold or the touch of another.
///
/// A player who holds and releases an entity 60 times per second during a partition reaches it after
/// nine minutes. Each further nine minutes cost one more round trip after the partition.
pub const MAX_JUMP: u64 = 1 << 16;

/// Returns `true` if adopting a register raises a counter by more than [`MAX_JUMP`].
///
/// A despawn is never too far ahead: it raises no counter.
pub fn is_too_far(before: Register, after: Register) -> bool {
    let (Register::Alive(from), Register::Alive(to)) = (before, after) else {
        return false;
    };
    let touch_start = match to.hold() == from.hold() && to.kind() == from.kind() {
        true => from.touch(),
        false => 0,
    };
    to.hold().saturating_sub(from.hold()) > MAX_JUMP
        || to.touch().saturating_sub(touch_start) > MAX_JUMP
}

/// Returns the register with which a peer that has `newest` answers a peer that has `known`.
///
/// The result is `newest` if the other peer can adopt it, or else the farthest step towards it.
pub fn step(entity: EntityId, known: Register, newest: Register) -> Register {
    let (Register::Alive(from), Register::Alive(to)) = (known, newest) else {
        return newest;
    };
    if from >= to || !is_too_far(known, newest) {
        return newest;
    }
    let far = from.hold().saturating_add(MAX_JUMP);
    let (kind, hold, touch) = if to.hold() > far {
        (to.kind(), far, 0)
    } else if to.hold() == from.hold() && to.kind() == from.kind() {
        let touch = from.touch().saturating_add(MAX_JUMP);
        (to.kind(), to.hold(), touch)
    } else {
        (to.kind(), to.hold(), MAX_JUMP)
    };
    Register::Alive(Claim::unchecked(entity, kind, hold, touch, to.owner()))
}

#[cfg(test)]
mod tests {
    use huddle_id::PeerId;
    use proptest::prelude::*;

    use super::{super::register::ClaimKind, *};

    const OWNER: PeerId = PeerId::from_u128(1);

    fn entity() -> EntityId {
        EntityId::spawned(OWNER, 0)
    }

    fn given(hold: u64, touch: u64) -> Register {
        let claim = Claim::new(entity(), ClaimKind::Given, hold, touch, Some(OWNER));
        Register::Alive(claim.unwrap())
    }

    #[test]
    fn jump_up_to_the_limit_is_accepted() {
        assert!(!is_too_far(given(5, 9), given(5 + MAX_JUMP, MAX_JUMP)));
        assert!(!is_too_far(given(5, 9), given(5, 9 + MAX_JUMP)));
    }

    #[test]
    fn jump_past_the_limit_is_too_far() {
        assert!(is_too_far(given(5, 9), given(6 + MAX_JUMP, 0)));
        assert!(is_too_far(given(5, 9), given(5, 10 + MAX_JUMP)));
        assert!(is_too_far(given(5, 9), given(6, 1 + MAX_JUMP)));
    }

    #[test]
    fn despawn_is_never_too_far() {
        let (initial, dead) = (Register::initial(entity()), Register::Dead);
        assert!(!is_too_far(initial, dead));
        assert_eq!(step(entity(), initial, dead), dead);
    }

    proptest! {
        #[test]
        fn steps_lead_to_the_newest_register(
            hold in 1..20 * MAX_JUMP,
            touch in 0..20 * MAX_JUMP,
            from in prop::option::of((1..20 * MAX_JUMP, 0..20 * MAX_JUMP)),
        ) {
            let newest = given(hold, touch);
            let initial = Register::initial(entity());
            let mut known = from.map_or(initial, |(hold, touch)| given(hold, touch).min(newest));
            let mut steps = 0;
            while known < newest {
                let next = step(entity(), known, newest);
                prop_assert!(known < next && next <= newest);
                prop_assert!(!is_too_far(known, next));
                known = next;
                steps += 1;
                prop_assert!(steps <= 42, "{steps}");
            }
        }
    }
}
