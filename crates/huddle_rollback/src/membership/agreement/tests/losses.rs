//! Losses that end, and losses that do not.

use super::*;

/// Returns member 0 of four, after the decision that the lost member 3 is out. `during_vote` is called during
/// the vote of the other members.
fn after_a_departure(during_vote: impl FnOnce(&mut Local)) -> Local {
    let mut local = Local::of(4);
    local.agreement.lost(id(3), LeaveReason::Lost);
    let has_lost = |version| Statement {
        lost: lost(3, LeaveReason::Lost),
        ..statement(version)
    };
    let known = Known {
        next: 3,
        reason: LeaveReason::Lost,
        first: 3,
        digest: InputSuffix::starting(3).digest(3, 3).unwrap(),
    };
    let has_voted = |version| Statement {
        vote: Some(Vote {
            set: Set::of(3),
            known: vec![known],
        }),
        ..has_lost(version)
    };
    local.receive_statement(1, has_lost(1), NOW);
    local.receive_statement(2, has_voted(1), NOW);
    local.tick(NOW);
    assert_eq!(local.agreement.voted(), Set::of(3));
    during_vote(&mut local);
    local.receive_statement(1, has_voted(2), NOW);
    local.tick(NOW);
    for from in [1, 2] {
        let confirmation = local.agreement.own.confirmation.clone();
        assert!(confirmation.is_some());
        let statement = Statement {
            confirmation,
            ..has_voted(3)
        };
        local.receive_statement(from, statement, NOW);
    }
    local.tick(NOW);
    assert_eq!(local.agreement.decided, Set::of(3));
    local
}

#[test]
fn member_that_was_late_may_return_after_the_decision() {
    let mut local = after_a_departure(|local| {
        local.agreement.give_up(Set::of(1));
        local.tick(NOW);
        assert_eq!(local.agreement.timed_out().count(), 0, "during the vote");
    });
    assert_eq!(local.agreement.timed_out().collect::<Vec<_>>(), [id(1)]);
    local.agreement.returned(id(1));
    local.tick(NOW);
    assert!(!local.agreement.has_lost(id(1)));
    assert_eq!(local.agreement.timed_out().count(), 0);
    assert!(local.agreement.own.loss(1).is_none());
}

#[test]
fn late_member_may_return_despite_a_missing_link() {
    let mut local = Local::of(4);
    local.agreement.lost(id(3), LeaveReason::Lost);
    local.agreement.give_up(Set::of(1));
    local.tick(NOW);
    assert_eq!(local.agreement.timed_out().collect::<Vec<_>>(), [id(1)]);
}

#[test]
fn member_that_does_not_relay_may_not_return_while_relays_are_needed() {
    let mut local = Local::of(4);
    local.agreement.lost(id(3), LeaveReason::Lost);
    local.agreement.lost(id(1), LeaveReason::TimedOut);
    local.tick(NOW);
    assert_eq!(local.agreement.timed_out().count(), 0);
    local.agreement.linked(id(3));
    local.tick(NOW);
    assert_eq!(local.agreement.timed_out().collect::<Vec<_>>(), [id(1)]);
}

#[test]
fn restarted_member_cannot_return() {
    let mut local = Local::of(3);
    local.tick(NOW);
    local.poll_all();
    local.agreement.lost(id(1), LeaveReason::Restarted);
    local.agreement.linked(id(1));
    local.agreement.returned(id(1));
    let statement = Statement {
        lost: lost(1, LeaveReason::Lost),
        vote: vote(1, 3),
        ..statement(1)
    };
    local.receive_statement(2, statement, NOW);
    local.tick(NOW);
    assert_eq!(local.agreement.voted(), Set::of(1));
    // Neither side of the new link knows the match.
    let is_for_1 =
        |event: &AgreementEvent| matches!(event, AgreementEvent::Send { to, .. } if *to == id(1));
    assert!(!local.poll_all().iter().any(is_for_1));
    let garbage = local.agreement.receive(id(1), &[255], NOW, &mut local.logs);
    assert_eq!(garbage, Ok(()));
}

#[test]
fn restart_has_no_grace_period_and_does_not_split_the_match() {
    let mut local = Local::of(2);
    local.agreement.lost(id(1), LeaveReason::TimedOut);
    local.tick(NOW);
    assert!(local.agreement.voted().is_empty());
    local.agreement.lost(id(1), LeaveReason::Restarted);
    local.tick(NOW);
    let decided = local.poll_all().into_iter().find_map(|event| match event {
        AgreementEvent::Decided(decision) => Some(decision),
        _ => None,
    });
    let decision = decided.unwrap();
    assert_eq!(decision.seats[0].reason, LeaveReason::Restarted);
    assert_eq!(decision.side, None);
}
