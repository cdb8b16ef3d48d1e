use super::{super::members::Member, *};
use huddle_session::PeerId;

fn members() -> Members {
    let member = |n| Member {
        peer: PeerId::from_bytes([n; 16]),
        seats: vec![Seat(n)],
    };
    Members::new((0..3).map(member).collect()).unwrap()
}

fn statement() -> Statement {
    let known = Known {
        next: 9,
        reason: LeaveReason::TimedOut,
        first: 7,
        digest: [3; 16],
    };
    Statement {
        version: 5,
        leaves: false,
        lost: vec![Loss {
            member: 2,
            reason: LeaveReason::Lost,
            is_mirrored: false,
            have: vec![8],
        }],
        relay_requests: vec![RelayRequest { member: 2, via: 1 }],
        vote: Some(Vote {
            set: Set::of(2),
            known: vec![known],
        }),
        confirmation: Some(Confirmation {
            set: Set::of(2),
            votes: vec![[1; 16], [2; 16]],
        }),
    }
}

fn check(change: impl FnOnce(&mut Statement)) -> Result<(), AgreementError> {
    let mut statement = statement();
    change(&mut statement);
    let message = Message::Statement {
        author: 0,
        statement,
    };
    let again = Message::decode(&message.encode().unwrap(), &members())?;
    assert_eq!(again, message);
    Ok(())
}

#[test]
fn statement_matches_golden_bytes() {
    let message = Message::Statement {
        author: 0,
        statement: statement(),
    };
    let bytes = [
        &[0, 0, 5, 0][..],
        &[1, 2, 0, 0, 1, 8],
        &[1, 2, 1],
        &[1, 4, 1, 9, 1, 7],
        &[3; 16],
        &[1, 4, 2],
        &[1; 16],
        &[2; 16],
    ]
    .concat();
    assert_eq!(message.encode().unwrap()[..], bytes);
    assert_eq!(Message::decode(&bytes, &members()), Ok(message));
}

#[test]
fn reasons_have_stable_numbers() {
    use LeaveReason::{Left, Lost, Removed, Restarted, TimedOut};
    for (number, reason) in (0..).zip([Lost, TimedOut, Restarted, Removed, Left]) {
        assert_eq!(codec::encode(&reason, 1).unwrap()[..], [number]);
    }
}

#[test]
fn impossible_statements_are_rejected() {
    fn vote(statement: &mut Statement) -> &mut Vote {
        statement.vote.as_mut().unwrap()
    }
    assert_eq!(check(|_| ()), Ok(()));
    let changes: [fn(&mut Statement); 14] = [
        |s| s.lost[0].member = 0,
        |s| s.lost[0].member = 3,
        |s| s.lost.push(s.lost[0].clone()),
        |s| s.lost[0].have.clear(),
        |s| s.lost.clear(),
        |s| s.relay_requests[0].via = 2,
        |s| s.relay_requests[0].via = 0,
        |s| vote(s).set = Set::first(2),
        |s| vote(s).set = Set::of(7),
        |s| vote(s).known.clear(),
        |s| vote(s).known[0].first = 10,
        |s| vote(s).known[0].next = 10_000,
        |s| s.confirmation.as_mut().unwrap().set = Set::of(1),
        |s| s.confirmation.as_mut().unwrap().votes.clear(),
    ];
    for (i, change) in changes.into_iter().enumerate() {
        assert!(
            matches!(check(change), Err(AgreementError::Impossible(_))),
            "{i}"
        );
    }
}

#[test]
fn votes_cannot_be_withdrawn() {
    let older = statement();
    let after = |change: fn(&mut Statement)| {
        let mut newer = older.clone();
        change(&mut newer);
        newer.check_after(&older)
    };
    assert_eq!(after(|s| s.lost.clear()), Ok(()));
    assert_eq!(
        after(|s| s.vote.as_mut().unwrap().set = Set::first(3)),
        Ok(())
    );
    let changes: [fn(&mut Statement); 3] = [
        |s| s.vote = None,
        |s| s.vote.as_mut().unwrap().known[0].next += 1,
        |s| s.confirmation.as_mut().unwrap().votes[0][0] += 1,
    ];
    for change in changes {
        assert!(matches!(
            after(change),
            Err(AgreementError::Contradiction(_))
        ));
    }
}

#[test]
fn longest_message_fits() {
    let inputs = Message::Inputs {
        author: 15,
        seat: Seat(15),
        start: u32::MAX / 2,
        inputs: vec![vec![255; MAX_INPUT_LEN]; CHUNK_LEN / MAX_INPUT_LEN + 1],
    };
    assert!(inputs.encode().unwrap().len() < MAX_EVENT_LEN);
}
