//! Properties of random registers and random rooms.

use proptest::prelude::*;

use super::{
    room::{Room, id},
    *,
};

fn registers() -> impl Strategy<Value = Register> {
    let kind = prop_oneof![
        Just(ClaimKind::Spawned),
        Just(ClaimKind::Inherited),
        Just(ClaimKind::Released),
        Just(ClaimKind::Given),
        Just(ClaimKind::Held),
    ];
    let owner = prop::option::of((0..4usize).prop_map(id));
    let parts = (any::<bool>(), kind, 0..3u64, 0..3u64, owner);
    parts.prop_filter_map("invalid claim", |(dead, kind, hold, touch, owner)| {
        let claim = Claim::new(EntityId::placed(1), kind, hold, touch, owner).ok()?;
        Some(match dead {
            true => Register::Dead,
            false => Register::Alive(claim),
        })
    })
}

proptest! {
    #[test]
    fn join_is_commutative_associative_and_idempotent(
        a in registers(),
        b in registers(),
        c in registers(),
    ) {
        prop_assert_eq!(a.join(b), b.join(a));
        prop_assert_eq!(a.join(b).join(c), a.join(b.join(c)));
        prop_assert_eq!(a.join(a), a);
        prop_assert_eq!(a.join(b).is_dead(), a.is_dead() || b.is_dead());
    }

    #[test]
    fn peers_agree_after_the_same_registers_in_any_order(
        (received, shuffled) in prop::collection::vec(registers(), 0..12)
            .prop_flat_map(|received| (Just(received.clone()), Just(received).prop_shuffle())),
    ) {
        let rules = Rules::new(EntityId::placed(1), Policy::ByTouch);
        let end = |registers: &[Register]| {
            let mut ownership = Ownership::new(id(9), rules);
            for &register in registers {
                let _ = ownership.receive(id(8), register, START);
            }
            ownership.register()
        };
        prop_assert_eq!(end(&received), end(&shuffled));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn registers_converge_and_every_claim_ends_once(seed in any::<u64>(), steps in 10..150) {
        let mut room = Room::new(seed, false);
        for _ in 0..steps {
            room.step(true);
        }
        room.heal();
        prop_assert!(room.has_converged(), "{}", room);
        for peer in &room.peers {
            prop_assert_eq!(peer.started, peer.ended);
            let counters = peer.ownership.counters();
            prop_assert_eq!((counters.illegal, counters.too_far), (0, 0));
        }
    }

    #[test]
    fn hostile_peer_separates_and_locks_out_no_peer(seed in any::<u64>(), steps in 10..150) {
        let mut room = Room::new(seed, true);
        for _ in 0..steps {
            room.step(true);
        }
        room.heal();
        prop_assert!(room.has_converged(), "{}", room);
        for peer in &room.peers {
            prop_assert_eq!(peer.started, peer.ended);
        }
        let register = room.peers[0].ownership.register();
        let rules = room.rules;
        let is_protected = match rules.policy() {
            Policy::Fixed => rules.owner_gone() == OwnerGone::Forget,
            policy => policy == Policy::Host,
        };
        if is_protected {
            prop_assert!(!register.is_dead() || room.was_despawned);
        }
        if is_protected && !register.is_dead() {
            let owner = match rules.policy() {
                Policy::Host => Some(id(0)),
                _ => Claim::initial(rules.entity()).owner(),
            };
            prop_assert_eq!(register.owner(), owner);
        }
        let is_free = register.claim().is_some_and(|claim| !claim.is_held());
        let is_touchable = is_free && room.rules.policy() == Policy::ByTouch;
        for index in 0..room.peers.len() {
            let now = room.now;
            let ownership = &mut room.peers[index].ownership;
            if is_touchable {
                prop_assert!(ownership.hold(now).changed.is_some() || register.owner() == Some(id(index)));
                prop_assert!(ownership.register().claim().is_some_and(|claim| claim.is_held()));
                prop_assert!(!is_too_far(register, ownership.register()));
            }
        }
    }
}
