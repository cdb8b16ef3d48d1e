//! Received registers: what the local peer adopts, answers and refuses.

use super::*;

fn claim(kind: ClaimKind, hold: u64, touch: u64, owner: PeerId) -> Claim {
    Claim::new(entity(), kind, hold, touch, Some(owner)).unwrap()
}

#[test]
fn values_are_taken_from_the_owner_alone() {
    let (mut b, mut c) = (ownership(B, Policy::ByTouch), ownership(C, Policy::ByTouch));
    let _ = b.touch(START);
    let (reaction, _) = deliver(&b, &mut c, START);
    assert_eq!(reaction, Reaction::Adopted { takes_values: true });
    assert_eq!(deliver(&b, &mut c, START).0, Reaction::TakeValues);
    let (reaction, _) = c.receive(A, b.register(), START);
    assert_eq!(reaction, Reaction::Ignored);
}

#[test]
fn register_of_another_peer_can_be_passed_on() {
    let (mut b, mut c) = (ownership(B, Policy::ByTouch), ownership(C, Policy::ByTouch));
    let _ = b.touch(START);
    let (reaction, outcome) = c.receive(A, b.register(), START);
    let adopted = Reaction::Adopted {
        takes_values: false,
    };
    assert_eq!(reaction, adopted);
    assert_eq!(outcome.changed.and_then(|changed| changed.to), Some(B));
}

#[test]
fn packets_of_the_old_owner_are_answered_and_its_values_ignored() {
    let (mut a, mut b) = (ownership(A, Policy::ByTouch), ownership(B, Policy::ByTouch));
    let _ = b.touch(START);
    let (reaction, outcome) = deliver(&a, &mut b, START);
    assert_eq!((reaction, outcome), (Reaction::Answer, Outcome::default()));
    assert!(reaction.needs_answer() && !reaction.takes_values());
    let _ = a.receive(B, b.answer(a.register()), START);
    assert_eq!(a.register(), b.register());
}

#[test]
fn hostile_peer_changes_nothing_about_an_entity_that_keeps_its_owner() {
    let mut a = ownership(A, Policy::Fixed);
    let before = a.register();
    let hostile = [
        Register::Alive(claim(ClaimKind::Given, 1, 0, B)),
        Register::Alive(claim(ClaimKind::Held, 9, 0, B)),
        Register::Alive(claim(ClaimKind::Inherited, 1, 0, C)),
        Register::Alive(claim(ClaimKind::Spawned, 0, 1, B)),
        Register::Dead,
    ];
    for register in hostile {
        let (reaction, outcome) = a.receive(B, register, START);
        assert!(matches!(reaction, Reaction::Refused(_)), "{reaction:?}");
        assert_eq!(outcome, Outcome::default());
    }
    assert_eq!(a.register(), before);
    let counters = a.counters();
    assert_eq!((counters.illegal, counters.unauthorized), (4, 1));
}

#[test]
fn register_that_is_too_far_is_reached_in_steps() {
    let (mut a, mut b) = (ownership(A, Policy::ByTouch), ownership(B, Policy::ByTouch));
    // B has received this far register step by step, from a hostile peer.
    for k in 1..=5 {
        let far = Register::Alive(claim(ClaimKind::Held, k * MAX_JUMP, 0, C));
        let _ = b.receive(C, far, START);
    }
    let mut rounds = 0;
    while a.register() != b.register() {
        let (reaction, _) = deliver(&b, &mut a, START);
        if reaction.needs_answer() {
            assert_eq!(deliver(&a, &mut b, START).0, Reaction::Answer);
            let (reaction, _) = a.receive(B, b.answer(a.register()), START);
            assert!(matches!(reaction, Reaction::Adopted { .. }));
        }
        rounds += 1;
        assert!(rounds <= 5);
    }
    assert_eq!(a.counters().too_far, 4);
}

#[test]
fn hostile_peer_cannot_lock_an_entity() {
    let mut a = ownership(A, Policy::ByTouch);
    for _ in 0..10_000 {
        // The farthest register that A adopts, in the name of another peer.
        let hold = a.register().claim().unwrap().hold() + MAX_JUMP;
        let jump = Register::Alive(claim(ClaimKind::Given, hold, MAX_JUMP, C));
        let far = Register::Alive(claim(ClaimKind::Held, u64::MAX, 0, B));
        let (reaction, _) = a.receive(B, far, START);
        assert_eq!(reaction, Reaction::Refused(ClaimError::TooFar));
        let _ = a.receive(B, jump, START);
        assert_eq!(a.owner(), Some(C));
        assert!(a.hold(START).changed.is_some());
        let _ = (a.settled(), a.release());
    }
    assert!(a.register().claim().unwrap().hold() < u64::MAX / 1_000_000);
}
