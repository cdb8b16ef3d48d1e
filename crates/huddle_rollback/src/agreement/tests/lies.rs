//! What a member that lies or tires the others cannot bring about.

use std::time::Duration;

use huddle_session::{PeerId, Tick};

use super::{ThreeEach, member};
use crate::{
    agreement::{
        Agreement, AgreementEvent, LeaveReason, Logs,
        members::{Number, Set},
        message::{Known, Loss, Message, Statement, Vote},
        tail::Tail,
    },
    seat::Seat,
};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn tell(
    (agreement, logs): &mut (Agreement, ThreeEach),
    from: u8,
    message: &Message,
    now: Duration,
) {
    let bytes = message.encode().unwrap();
    agreement
        .receive(PeerId::from_bytes([from; 16]), &bytes, now, logs)
        .unwrap();
}

fn statement(of: Number, version: u64) -> (Number, Statement) {
    let statement = Statement {
        version,
        ..Statement::default()
    };
    (of, statement)
}

fn lost(peer: Number, reason: LeaveReason) -> Vec<Loss> {
    vec![Loss {
        peer,
        reason,
        is_echo: false,
        have: vec![3],
    }]
}

#[test]
fn whoever_leaves_again_and_again_hands_on_its_last_inputs_once() {
    let mut member = member();
    for version in 1..10 {
        let inputs = Message::Inputs {
            of: 1,
            seat: Seat(1),
            start: member.1.next(Seat(1)).0,
            inputs: vec![vec![8]; 2],
        };
        tell(&mut member, 1, &inputs, ms(0));
        let (of, mut statement) = statement(1, version);
        statement.leaves = true;
        tell(&mut member, 1, &Message::Statement { of, statement }, ms(0));
    }
    assert_eq!(member.1.next(Seat(1)), Tick(5));
}

#[test]
fn a_contradiction_is_not_the_fault_of_who_passes_it_on() {
    let mut member = member();
    for (version, leaves) in [(1, true), (2, false)] {
        let (of, mut statement) = statement(1, version);
        statement.leaves = leaves;
        tell(&mut member, 2, &Message::Statement { of, statement }, ms(0));
    }
    assert!(member.0.peer(1).heard.leaves);
}

#[test]
fn nobody_speaks_for_a_silent_member_who_is_linked() {
    let mut member = member();
    let (agreement, logs) = &mut member;
    agreement.lost(
        PeerId::from_bytes([1; 16]),
        LeaveReason::Silent,
        ms(0),
        logs,
    );
    let (of, statement) = statement(1, 9);
    tell(&mut member, 2, &Message::Statement { of, statement }, ms(0));
    assert_eq!(member.0.word(1).version, 0);
    let (agreement, logs) = &mut member;
    agreement.lost(PeerId::from_bytes([1; 16]), LeaveReason::Link, ms(0), logs);
    assert_eq!(member.0.word(1).version, 9);
}

#[test]
fn who_is_silent_has_time_and_who_is_gone_has_none() {
    let voted = |reason, at| {
        let mut member = member();
        let (of, mut statement) = statement(2, 1);
        statement.lost = lost(1, reason);
        tell(&mut member, 2, &Message::Statement { of, statement }, ms(0));
        let (agreement, logs) = &mut member;
        agreement.lost(PeerId::from_bytes([1; 16]), reason, ms(0), logs);
        agreement.tick(at, logs);
        agreement.voted() == Set::of(1)
    };
    assert!(voted(LeaveReason::Link, ms(0)));
    assert!(!voted(LeaveReason::Silent, ms(900)));
    assert!(voted(LeaveReason::Silent, ms(1100)));
}

#[test]
fn no_vote_of_another_takes_the_time_from_who_is_silent() {
    let mut member = member();
    let (agreement, logs) = &mut member;
    agreement.lost(
        PeerId::from_bytes([1; 16]),
        LeaveReason::Silent,
        ms(0),
        logs,
    );
    let (of, mut statement) = statement(2, 1);
    statement.lost = lost(1, LeaveReason::Silent);
    let known = Known {
        next: 3,
        reason: LeaveReason::Silent,
        first: 3,
        digest: Tail::starting(3).digest(3, 3).unwrap(),
    };
    statement.vote = Some(Vote {
        set: Set::of(1),
        known: vec![known],
    });
    tell(
        &mut member,
        2,
        &Message::Statement { of, statement },
        ms(100),
    );
    assert!(member.0.voted().is_empty());
}

#[test]
fn who_lies_about_its_links_is_reached_by_the_word_of_others() {
    let mut member = member();
    let (agreement, logs) = &mut member;
    // 1 says to this one alone that it has lost both.
    agreement.lost(PeerId::from_bytes([1; 16]), LeaveReason::Link, ms(0), logs);
    let (of, mut said) = statement(1, 1);
    said.lost = [lost(0, LeaveReason::Link), lost(2, LeaveReason::Link)].concat();
    tell(
        &mut member,
        1,
        &Message::Statement {
            of,
            statement: said,
        },
        ms(0),
    );
    let (agreement, logs) = &mut member;
    agreement.tick(ms(0), logs);
    let relay = std::iter::from_fn(|| agreement.poll())
        .any(|event| matches!(event, AgreementEvent::RelayFrom { via: Some(via), .. } if via == PeerId::from_bytes([2; 16])));
    assert!(relay, "2 has its inputs");
}

#[test]
fn a_flood_of_messages_is_answered_once() {
    let mut member = member();
    let (agreement, logs) = &mut member;
    agreement.tick(ms(0), logs);
    while agreement.poll().is_some() {}
    for version in 1..1000 {
        let (of, mut statement) = statement(1, version);
        if version % 2 == 0 {
            statement.lost = lost(0, LeaveReason::Link);
        }
        tell(&mut member, 1, &Message::Statement { of, statement }, ms(0));
    }
    let (agreement, logs) = &mut member;
    agreement.tick(ms(0), logs);
    let sent = std::iter::from_fn(|| agreement.poll())
        .filter(|event| matches!(event, AgreementEvent::Send { .. }));
    assert!(sent.count() <= 4);
}

#[test]
fn nobody_says_of_who_is_linked_that_it_leaves() {
    let mut member = member();
    let (of, mut said) = statement(1, 9);
    said.leaves = true;
    let statement = said;
    tell(&mut member, 2, &Message::Statement { of, statement }, ms(0));
    let (agreement, logs) = &mut member;
    agreement.lost(
        PeerId::from_bytes([1; 16]),
        LeaveReason::Silent,
        ms(0),
        logs,
    );
    assert_eq!(
        agreement.peer(1).loss(0),
        Some((LeaveReason::Silent, false))
    );
    agreement.lost(PeerId::from_bytes([1; 16]), LeaveReason::Link, ms(0), logs);
    assert_eq!(agreement.peer(1).loss(0), Some((LeaveReason::Left, false)));
}

#[test]
fn who_is_to_be_out_does_not_vouch_for_who_says_so() {
    let mut member = member();
    let (agreement, logs) = &mut member;
    // 1 was silent for long enough to give others reason to vote against it.
    agreement.lost(
        PeerId::from_bytes([1; 16]),
        LeaveReason::Silent,
        ms(0),
        logs,
    );
    agreement.tick(ms(700), logs);
    agreement.returned(PeerId::from_bytes([1; 16]), ms(700), logs);
    agreement.lost(
        PeerId::from_bytes([2; 16]),
        LeaveReason::Link,
        ms(700),
        logs,
    );
    let (of, mut said) = statement(2, 1);
    said.vote = Some(Vote {
        set: Set::of(1),
        known: vec![Known {
            next: 3,
            reason: LeaveReason::Silent,
            first: 3,
            digest: Tail::starting(3).digest(3, 3).unwrap(),
        }],
    });
    let message = Message::Statement {
        of,
        statement: said,
    };
    tell(&mut member, 1, &message, ms(700));
    let (agreement, logs) = &mut member;
    agreement.tick(ms(700), logs);
    assert!(agreement.voted().is_empty());
}

/// Whom the member asks for the inputs of 1.
fn way(agreement: &Agreement) -> Option<Number> {
    let ask = agreement.own.asks.iter().find(|ask| ask.peer == 1);
    ask.map(|ask| ask.via)
}

#[test]
fn who_waits_itself_is_not_relayed_at_once() {
    let mut member = member();
    let (of, mut said) = statement(1, 1);
    said.lost = lost(2, LeaveReason::Silent);
    let message = Message::Statement {
        of,
        statement: said,
    };
    tell(&mut member, 1, &message, ms(0));
    let (agreement, logs) = &mut member;
    agreement.lost(
        PeerId::from_bytes([1; 16]),
        LeaveReason::Silent,
        ms(0),
        logs,
    );
    agreement.tick(ms(400), logs);
    assert_eq!(way(agreement), None);
    agreement.tick(ms(600), logs);
    assert_eq!(way(agreement), Some(2));
}

#[test]
fn who_lets_the_inputs_of_another_drip_is_given_up() {
    let given_up = |told_every| {
        let (mut agreement, mut logs) = member();
        agreement.lost(
            PeerId::from_bytes([1; 16]),
            LeaveReason::Link,
            ms(0),
            &mut logs,
        );
        assert_eq!(way(&agreement), Some(2));
        for tick in 0..120 {
            let now = ms(tick * 50);
            if tick % told_every == 0 {
                agreement.relay_failed(
                    PeerId::from_bytes([2; 16]),
                    PeerId::from_bytes([1; 16]),
                    now,
                    &mut logs,
                );
            }
            if tick % 10 == 0 {
                logs.append(Seat(1), &[8]);
            }
            agreement.tick(now, &mut logs);
        }
        agreement.has_lost(PeerId::from_bytes([2; 16]))
    };
    assert!(given_up(1));
    // It was late now and then.
    assert!(!given_up(30));
}

#[test]
fn who_is_silent_gains_nothing_by_new_links() {
    let mut member = member();
    let (of, mut said) = statement(2, 1);
    said.lost = lost(1, LeaveReason::Silent);
    let message = Message::Statement {
        of,
        statement: said,
    };
    tell(&mut member, 2, &message, ms(0));
    let (agreement, logs) = &mut member;
    agreement.lost(
        PeerId::from_bytes([1; 16]),
        LeaveReason::Silent,
        ms(0),
        logs,
    );
    for tick in 1..25 {
        let now = ms(tick * 50);
        if tick % 10 == 0 {
            agreement.lost(PeerId::from_bytes([1; 16]), LeaveReason::Link, now, logs);
            agreement.linked(PeerId::from_bytes([1; 16]), now, logs);
        }
        agreement.tick(now, logs);
    }
    assert_eq!(agreement.voted(), Set::of(1));
}

#[test]
fn the_vote_of_who_is_late_is_taken_from_others() {
    let mut member = member();
    let (agreement, logs) = &mut member;
    agreement.give_up(Set::of(1));
    agreement.tick(ms(0), logs);
    let (of, statement) = statement(1, 9);
    tell(&mut member, 2, &Message::Statement { of, statement }, ms(0));
    assert_eq!(member.0.word(1).version, 9);
    let (agreement, logs) = &mut member;
    agreement.returned(PeerId::from_bytes([1; 16]), ms(0), logs);
    assert_eq!(agreement.word(1).version, 0);
}
