//! The operations of one peer, and how its claims end.

use super::*;

#[test]
fn touch_takes_effect_immediately_and_is_granted_when_settled() {
    let mut b = ownership(B, Policy::ByTouch);
    let touched = b.touch(START);
    assert_eq!(ends(&touched), []);
    let changed = OwnershipChanged {
        from: Some(A),
        to: Some(B),
        cause: Cause::Touched,
    };
    assert_eq!(touched.changed, Some(changed));
    assert!(b.is_mine() && b.is_claiming());
    assert_eq!(ends(&b.settled()), [ClaimEnd::Granted]);
    assert_eq!(b.settled(), Outcome::default());
}

#[test]
fn unacknowledged_touch_is_granted_after_the_settle_time() {
    let mut b = ownership(B, Policy::ByTouch);
    let _ = b.touch(START);
    assert_eq!(b.poll(START + SETTLE_TIME - MS), Outcome::default());
    assert_eq!(ends(&b.poll(START + SETTLE_TIME)), [ClaimEnd::Granted]);
}

#[test]
fn one_of_two_touches_is_overruled_and_has_a_cooldown() {
    let (mut b, mut c) = (ownership(B, Policy::ByTouch), ownership(C, Policy::ByTouch));
    let _ = (b.touch(START), c.touch(START));
    let (from_b, from_c) = (b.register(), c.register());
    let (_, to_b) = b.receive(C, from_c, START);
    let (_, to_c) = c.receive(B, from_b, START);
    let (loser, outcome, winner) = match b.is_mine() {
        true => (&mut c, to_c, B),
        false => (&mut b, to_b, C),
    };
    assert_eq!(ends(&outcome), [ClaimEnd::Overruled(Some(winner))]);
    assert_eq!(loser.owner(), Some(winner));

    let early = loser.touch(START + 200 * MS);
    assert_eq!(ends(&early), refused(Refusal::Cooldown(300 * MS)));
    let late = loser.touch(START + TOUCH_COOLDOWN);
    assert!(late.changed.is_some());
}

#[test]
fn owner_that_loses_to_a_touch_has_a_cooldown() {
    let (mut a, mut b) = (ownership(A, Policy::ByTouch), ownership(B, Policy::ByTouch));
    let _ = b.touch(START);
    let _ = deliver(&b, &mut a, START);
    assert!(matches!(
        ends(&a.touch(START))[..],
        [ClaimEnd::Refused(Refusal::Cooldown(_))]
    ));
    assert!(a.hold(START).changed.is_some(), "a hold has no cooldown");
}

#[test]
fn peers_that_watch_a_touch_have_no_cooldown() {
    let (b, mut c) = (
        &mut ownership(B, Policy::ByTouch),
        ownership(C, Policy::ByTouch),
    );
    let _ = b.touch(START);
    let _ = deliver(b, &mut c, START);
    assert!(c.touch(START).changed.is_some());
}

#[test]
fn held_entity_cannot_be_taken_until_it_is_released() {
    let (mut a, mut b) = (ownership(A, Policy::ByTouch), ownership(B, Policy::ByTouch));
    let _ = a.hold(START);
    let _ = deliver(&a, &mut b, START);
    for outcome in [b.touch(START), b.claim(START), b.hold(START)] {
        assert_eq!(ends(&outcome), refused(Refusal::Held(A)));
    }
    let released = a.release().unwrap();
    assert_eq!(released.changed, None, "the owner stays");
    assert_eq!(ends(&released), [ClaimEnd::Granted]);
    let _ = deliver(&a, &mut b, START);
    assert_eq!(b.owner(), Some(A));
    assert!(b.touch(START).changed.is_some());
}

#[test]
fn hold_overrules_a_touch_at_the_same_time() {
    let (mut b, mut c) = (ownership(B, Policy::ByTouch), ownership(C, Policy::ByTouch));
    let _ = (b.hold(START), c.touch(START));
    let (reaction, outcome) = deliver(&c, &mut b, START);
    assert_eq!((reaction, outcome), (Reaction::Answer, Outcome::default()));
    let (_, outcome) = deliver(&b, &mut c, START);
    assert_eq!(ends(&outcome), [ClaimEnd::Overruled(Some(B))]);
    assert!(b.is_mine() && b.is_claiming());
}

#[test]
fn hold_after_an_unsettled_touch_ends_both() {
    let mut b = ownership(B, Policy::ByTouch);
    let _ = b.touch(START);
    assert_eq!(ends(&b.touch(START)), refused(Refusal::InProgress));
    let held = b.hold(START);
    let touch_ended = ClaimEnded {
        operation: Operation::Touch,
        end: ClaimEnd::Granted,
    };
    assert_eq!(held.ended, [touch_ended]);
    let hold_ended = ClaimEnded {
        operation: Operation::Hold,
        end: ClaimEnd::Granted,
    };
    assert_eq!(b.settled().ended, [hold_ended]);
}

#[test]
fn owner_is_granted_its_own_entity_without_a_change() {
    let mut a = ownership(A, Policy::ByTouch);
    let before = a.register();
    assert_eq!(ends(&a.touch(START)), [ClaimEnd::Granted]);
    assert_eq!(ends(&a.claim(START)), [ClaimEnd::Granted]);
    assert_eq!(a.register(), before);
    let _ = (a.hold(START), a.settled());
    let held = a.register();
    assert_eq!(ends(&a.hold(START)), [ClaimEnd::Granted]);
    assert_eq!(a.register(), held);
}

#[test]
fn entity_that_keeps_its_owner_cannot_be_claimed() {
    let mut b = ownership(B, Policy::Fixed);
    let refusal = refused(Refusal::Policy(Policy::Fixed));
    for outcome in [b.claim(START), b.touch(START), b.hold(START)] {
        assert_eq!(ends(&outcome), refusal);
    }
    let mut a = ownership(A, Policy::Fixed);
    assert_eq!(a.give(B), Err(OwnerError::Policy(Policy::Fixed)));
    assert_eq!(a.release(), Err(OwnerError::Policy(Policy::Fixed)));
}

#[test]
fn request_is_granted_when_the_owner_gives() {
    let (mut a, mut b) = (
        ownership(A, Policy::OnRequest),
        ownership(B, Policy::OnRequest),
    );
    let asked = b.claim(START);
    assert_eq!((asked.ask, asked.changed), (Some(A), None));
    assert_eq!(a.requested(B), RequestDecision::AskGame);
    let given = a.give(B).unwrap().changed.unwrap();
    assert_eq!((given.to, given.cause), (Some(B), Cause::Given));
    let (_, outcome) = deliver(&a, &mut b, START);
    assert_eq!(ends(&outcome), [ClaimEnd::Granted]);
    assert_eq!(outcome.changed, Some(given));
    assert_eq!(a.requested(B), RequestDecision::Granted);
}

#[test]
fn request_is_refused_by_the_owner_or_without_an_answer() {
    let mut b = ownership(B, Policy::OnRequest);
    let _ = b.claim(START);
    assert_eq!(b.denied(C), Outcome::default(), "C was not asked");
    assert_eq!(ends(&b.denied(A)), refused(Refusal::ByOwner(A)));
    assert_eq!(b.denied(A), Outcome::default());

    let _ = b.claim(START);
    assert_eq!(b.poll(START + REQUEST_TIMEOUT - MS), Outcome::default());
    let late = b.poll(START + REQUEST_TIMEOUT);
    assert_eq!(ends(&late), refused(Refusal::NoAnswer));

    let _ = b.claim(START);
    assert_eq!(ends(&b.claim(START)), refused(Refusal::InProgress));
    assert_eq!(ends(&b.link_lost(A)), refused(Refusal::NoAnswer));
}

#[test]
fn request_is_overruled_when_a_third_peer_gets_the_entity() {
    let (mut a, mut b) = (
        ownership(A, Policy::OnRequest),
        ownership(B, Policy::OnRequest),
    );
    let _ = b.claim(START);
    let _ = a.give(C).unwrap();
    let (_, outcome) = deliver(&a, &mut b, START);
    assert_eq!(ends(&outcome), [ClaimEnd::Overruled(Some(C))]);
}

#[test]
fn requests_to_other_peers_than_the_owner_are_denied() {
    let c = ownership(C, Policy::OnRequest);
    assert_eq!(c.requested(B), RequestDecision::Deny);
    let a = ownership(A, Policy::ByTouch);
    assert_eq!(a.requested(B), RequestDecision::Deny);
}

#[test]
fn placed_entity_without_an_owner_is_claimed_without_a_request() {
    let rules = Rules::new(EntityId::placed(1), Policy::OnRequest);
    let mut b = Ownership::new(B, rules);
    let claimed = b.claim(START);
    assert_eq!(claimed.ask, None);
    let cause = claimed.changed.map(|changed| (changed.from, changed.cause));
    assert_eq!(cause, Some((None, Cause::First)));
}

#[test]
fn despawn_ends_claims_and_is_final() {
    let (mut a, mut b) = (ownership(A, Policy::ByTouch), ownership(B, Policy::ByTouch));
    let _ = b.hold(START);
    assert!(a.despawn().unwrap().despawned);
    let (reaction, outcome) = deliver(&a, &mut b, START);
    assert!(!reaction.takes_values());
    assert!(outcome.despawned);
    assert_eq!(ends(&outcome), [ClaimEnd::Overruled(None)]);
    assert_eq!(ends(&b.hold(START)), refused(Refusal::Despawned));
    assert_eq!(b.despawn(), Err(OwnerError::Despawned));
    assert_eq!(b.inherit(START), Outcome::default());
}

#[test]
fn only_the_owner_decides() {
    let mut b = ownership(B, Policy::ByTouch);
    assert_eq!(b.give(C), Err(OwnerError::NotOwner));
    assert_eq!(b.release(), Err(OwnerError::NotOwner));
    assert_eq!(b.despawn(), Err(OwnerError::NotOwner));
    let mut a = ownership(A, Policy::ByTouch);
    assert_eq!(a.release(), Err(OwnerError::NotHeld));
}

#[test]
fn heir_inherits_only_what_is_passed_on() {
    let mut b = ownership(B, Policy::Fixed);
    assert_eq!(b.inherit(START), Outcome::default());
    let rules = Rules::with_owner_gone(entity(), Policy::Fixed, OwnerGone::PassOn);
    let mut b = Ownership::new(B, rules);
    let changed = b.inherit(START).changed.unwrap();
    assert_eq!((changed.to, changed.cause), (Some(B), Cause::Inherited));
    assert_eq!(
        b.inherit(START),
        Outcome::default(),
        "B is the owner already"
    );
}

#[test]
fn heir_that_waits_for_the_lost_owner_is_granted_its_request() {
    let mut b = ownership(B, Policy::OnRequest);
    let _ = b.claim(START);
    assert_eq!(ends(&b.inherit(START)), [ClaimEnd::Granted]);
}

#[test]
fn forgetting_an_entity_ends_its_claim() {
    let mut b = ownership(B, Policy::OnRequest);
    let _ = b.claim(START);
    assert_eq!(ends(&b.forget()), [ClaimEnd::Overruled(None)]);
}
