//! What one member makes of single messages.

mod lies;

use std::time::Duration;

use huddle_session::{PeerId, Tick};

use super::{
    Agreement, AgreementError, AgreementEvent, LeaveReason, Logs, Member,
    members::Set,
    message::{Known, Message, Statement, Vote},
};
use crate::seat::Seat;

const NOW: Duration = Duration::from_secs(1);

/// Three inputs of each seat.
struct ThreeEach([Vec<Vec<u8>>; 3]);

impl Logs for ThreeEach {
    fn next(&self, seat: Seat) -> Tick {
        Tick(self.0[seat.index()].len() as u32)
    }

    fn first(&self, _: Seat) -> Tick {
        Tick(0)
    }

    fn input(&self, seat: Seat, tick: Tick) -> Option<&[u8]> {
        self.0[seat.index()].get(tick.0 as usize).map(Vec::as_slice)
    }

    fn append(&mut self, seat: Seat, input: &[u8]) {
        self.0[seat.index()].push(input.to_vec());
    }

    fn freeze(&mut self, _: Seat) {}
}

/// Member 0 of three, who play the seat of their number.
fn member() -> (Agreement, ThreeEach) {
    let member = |n| Member {
        peer: PeerId::from_bytes([n; 16]),
        seats: vec![Seat(n)],
    };
    let members = (0..3).map(member).collect();
    let agreement =
        Agreement::new(PeerId::from_bytes([0; 16]), members, Duration::from_secs(3)).unwrap();
    let logs = std::array::from_fn(|_| vec![vec![7]; 3]);
    (agreement, ThreeEach(logs))
}

fn inputs(of: u8, seat: u8, inputs: &[u8]) -> Message {
    Message::Inputs {
        of,
        seat: Seat(seat),
        start: 1,
        inputs: inputs.iter().map(|&input| vec![input]).collect(),
    }
}

/// Member 1 says that 2 is out.
fn vote() -> Message {
    let known = Known {
        next: 5,
        reason: LeaveReason::Silent,
        first: 5,
        digest: super::tail::Tail::starting(5).digest(5, 5).unwrap(),
    };
    let vote = Vote {
        set: Set::of(2),
        known: vec![known],
    };
    let statement = Statement {
        version: 1,
        vote: Some(vote),
        ..Statement::default()
    };
    Message::Statement { of: 1, statement }
}

fn leaving(of: u8) -> Message {
    let statement = Statement {
        version: 1,
        leaves: true,
        ..Statement::default()
    };
    Message::Statement { of, statement }
}

#[test]
fn one_vote_ejects_nobody_who_is_linked() {
    let (mut agreement, mut logs) = member();
    let bytes = vote().encode().unwrap();
    agreement
        .receive(PeerId::from_bytes([1; 16]), &bytes, NOW, &mut logs)
        .unwrap();
    for second in 1..60 {
        agreement.tick(NOW + Duration::from_secs(second), &mut logs);
    }
    assert!(!agreement.voted().has(2));
    while let Some(event) = agreement.poll() {
        assert!(!matches!(event, AgreementEvent::Decided(_)), "{event:?}");
    }
}

#[test]
fn once_all_is_told_a_tick_has_nothing_to_do() {
    let (mut agreement, mut logs) = member();
    let heard = |of| Message::Statement {
        of,
        statement: Statement::default(),
    };
    agreement.tick(NOW, &mut logs);
    for of in 1..3 {
        let bytes = heard(of).encode().unwrap();
        let taken = agreement.receive(PeerId::from_bytes([of; 16]), &bytes, NOW, &mut logs);
        assert_eq!(taken, Ok(()));
        assert!(agreement.has_news);
    }
    agreement.tick(NOW, &mut logs);
    assert!(!agreement.has_news && agreement.is_settled());
}

#[test]
fn other_inputs_than_are_known_are_reported() {
    let (mut agreement, mut logs) = member();
    let mut receive = |message: Message| {
        let bytes = message.encode().unwrap();
        agreement.receive(PeerId::from_bytes([1; 16]), &bytes, NOW, &mut logs)
    };
    let contradicts = |taken| matches!(taken, Err(AgreementError::Contradiction(_)));
    // What continues what is known contradicts nothing.
    assert_eq!(receive(inputs(1, 2, &[7, 7, 8])), Ok(()));
    assert_eq!(
        receive(inputs(1, 2, &[7, 6, 8])),
        Err(AgreementError::OtherInputs)
    );
    // A player's own last inputs that contradict it do not count.
    assert!(contradicts(receive(inputs(1, 1, &[6, 7, 9]))));
    assert_eq!(receive(leaving(1)), Ok(()));
    assert_eq!(logs.next(Seat(1)), Tick(3));
}

#[test]
fn the_last_inputs_of_who_leaves_are_taken() {
    let (mut agreement, mut logs) = member();
    for message in [inputs(1, 1, &[7, 7, 9]), leaving(1)] {
        let bytes = message.encode().unwrap();
        agreement
            .receive(PeerId::from_bytes([1; 16]), &bytes, NOW, &mut logs)
            .unwrap();
    }
    assert_eq!(logs.0[1], [[7], [7], [7], [9]]);
}
