//! Dishonest members that the agreement withstands.

use super::*;

#[test]
fn member_that_leaves_repeatedly_sends_its_last_inputs_once() {
    let mut local = Local::of(3);
    for version in 1..10 {
        let inputs = Message::Inputs {
            author: 1,
            seat: Seat(1),
            start: local.logs.next(Seat(1)).0,
            inputs: vec![vec![8]; 2],
        };
        local.receive(1, &inputs, NOW).unwrap();
        local.receive_statement(1, leaving(version), NOW);
    }
    assert_eq!(local.logs.next(Seat(1)), Tick(5));
}

#[test]
fn forwarded_contradiction_is_not_an_error() {
    let mut local = Local::of(3);
    for statement in [leaving(1), statement(2)] {
        let message = Message::Statement {
            author: 1,
            statement,
        };
        local.receive(2, &message, NOW).unwrap();
    }
    assert!(local.agreement.peer(1).forwarded.leaves);
}

/// Member 2 forwards a statement of member 1.
fn forward(local: &mut Local, statement: Statement) {
    let message = Message::Statement {
        author: 1,
        statement,
    };
    local.receive(2, &message, NOW).unwrap();
}

#[test]
fn forwarded_statement_of_a_linked_member_that_timed_out_is_ignored() {
    let mut local = Local::of(3);
    local.agreement.lost(id(1), LeaveReason::TimedOut);
    forward(&mut local, statement(9));
    assert_eq!(local.agreement.statement(1).version, 0);
    local.agreement.lost(id(1), LeaveReason::Lost);
    assert_eq!(local.agreement.statement(1).version, 9);
}

#[test]
fn grace_period_is_for_timeouts_only() {
    let voted = |reason, at| {
        let mut local = Local::of(3);
        let statement = Statement {
            lost: lost(1, reason),
            ..statement(1)
        };
        local.receive_statement(2, statement, ms(0));
        local.agreement.lost(id(1), reason);
        local.tick(ms(0));
        local.tick(at);
        local.agreement.voted() == Set::of(1)
    };
    assert!(voted(LeaveReason::Lost, ms(0)));
    assert!(!voted(LeaveReason::TimedOut, ms(900)));
    assert!(voted(LeaveReason::TimedOut, ms(1100)));
}

#[test]
fn vote_of_another_member_does_not_shorten_the_grace_period() {
    let mut local = Local::of(3);
    local.agreement.lost(id(1), LeaveReason::TimedOut);
    local.tick(ms(0));
    let statement = Statement {
        lost: lost(1, LeaveReason::TimedOut),
        vote: vote(1, 3),
        ..statement(1)
    };
    local.receive_statement(2, statement, ms(100));
    local.tick(ms(100));
    assert!(local.agreement.voted().is_empty());
    local.tick(ms(600));
    assert_eq!(local.agreement.voted(), Set::of(1));
}

#[test]
fn member_that_lies_about_its_links_is_reached_by_the_statements_of_others() {
    let mut local = Local::of(3);
    // Member 1 claims only to the local member that it has lost both other members.
    local.agreement.lost(id(1), LeaveReason::Lost);
    let statement = Statement {
        lost: [lost(0, LeaveReason::Lost), lost(2, LeaveReason::Lost)].concat(),
        ..statement(1)
    };
    local.receive_statement(1, statement, NOW);
    local.tick(NOW);
    let relay = AgreementEvent::RelayFrom {
        via: Some(id(2)),
        peer: id(1),
    };
    assert!(local.poll_all().contains(&relay), "member 2 has its inputs");
}

#[test]
fn flood_of_messages_is_answered_once() {
    let mut local = Local::of(3);
    local.tick(NOW);
    local.poll_all();
    for version in 1..1000 {
        let mut statement = statement(version);
        if version % 2 == 0 {
            statement.lost = lost(0, LeaveReason::Lost);
        }
        local.receive_statement(1, statement, NOW);
    }
    local.tick(NOW);
    let sent = local.poll_all().into_iter();
    let sent = sent.filter(|event| matches!(event, AgreementEvent::Send { .. }));
    assert!(sent.count() <= 4);
}

#[test]
fn forwarded_departure_of_a_linked_member_is_ignored() {
    let mut local = Local::of(3);
    forward(&mut local, leaving(9));
    local.agreement.lost(id(1), LeaveReason::TimedOut);
    let loss = |local: &Local| local.agreement.peer(1).loss(0);
    assert_eq!(loss(&local), Some((LeaveReason::TimedOut, false)));
    local.agreement.lost(id(1), LeaveReason::Lost);
    assert_eq!(loss(&local), Some((LeaveReason::Left, false)));
}

#[test]
fn statement_of_a_member_to_drop_does_not_support_the_voter() {
    let mut local = Local::of(3);
    // Member 1 timed out for long enough to give other members a reason to vote.
    local.agreement.lost(id(1), LeaveReason::TimedOut);
    local.tick(ms(0));
    local.tick(ms(700));
    local.agreement.returned(id(1));
    local.agreement.lost(id(2), LeaveReason::Lost);
    local.tick(ms(700));
    let message = Message::Statement {
        author: 2,
        statement: Statement {
            vote: vote(1, 3),
            ..statement(1)
        },
    };
    local.receive(1, &message, ms(700)).unwrap();
    local.tick(ms(700));
    assert!(local.agreement.voted().is_empty());
}

#[test]
fn member_that_waits_itself_is_not_relayed_at_once() {
    let mut local = Local::of(3);
    let statement = Statement {
        lost: lost(2, LeaveReason::TimedOut),
        ..statement(1)
    };
    local.receive_statement(1, statement, ms(0));
    local.agreement.lost(id(1), LeaveReason::TimedOut);
    local.tick(ms(0));
    local.tick(ms(400));
    assert_eq!(local.relay(), None);
    local.tick(ms(600));
    assert_eq!(local.relay(), Some(2));
}

#[test]
fn relay_whose_inputs_trickle_is_given_up() {
    let given_up = |reported_every| {
        let mut local = Local::of(3);
        local.agreement.lost(id(1), LeaveReason::Lost);
        local.tick(ms(0));
        assert_eq!(local.relay(), Some(2));
        for tick in 0..120 {
            let now = ms(tick * 50);
            if tick % reported_every == 0 {
                local.agreement.relay_failed(id(2), id(1), now);
            }
            if tick % 10 == 0 {
                local.logs.append(Seat(1), &[8]);
            }
            local.tick(now);
        }
        local.agreement.has_lost(id(2))
    };
    assert!(given_up(1));
    // Occasional delays are tolerated.
    assert!(!given_up(30));
}

#[test]
fn new_links_do_not_extend_a_timeout() {
    let mut local = Local::of(3);
    let statement = Statement {
        lost: lost(1, LeaveReason::TimedOut),
        ..statement(1)
    };
    local.receive_statement(2, statement, ms(0));
    local.agreement.lost(id(1), LeaveReason::TimedOut);
    for tick in 0..25 {
        if tick % 10 == 9 {
            local.agreement.lost(id(1), LeaveReason::Lost);
            local.agreement.linked(id(1));
        }
        local.tick(ms(tick * 50));
    }
    assert_eq!(local.agreement.voted(), Set::of(1));
}

#[test]
fn vote_of_a_late_member_is_taken_from_others() {
    let mut local = Local::of(3);
    local.agreement.give_up(Set::of(1));
    local.tick(NOW);
    forward(&mut local, statement(9));
    assert_eq!(local.agreement.statement(1).version, 9);
    local.agreement.returned(id(1));
    assert_eq!(local.agreement.statement(1).version, 0);
}
