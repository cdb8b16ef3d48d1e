//! One member's conclusions from single messages.

mod lies;
mod losses;

use std::time::Duration;

use huddle_session::{PeerId, Tick};

use super::{
    Agreement, AgreementError, AgreementEvent, LeaveReason, Logs, Member,
    members::{Number, Set},
    message::{Known, Loss, Message, Statement, Vote},
    suffix::InputSuffix,
};
use crate::seat::Seat;

const NOW: Duration = Duration::from_secs(1);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn id(n: u8) -> PeerId {
    PeerId::from_bytes([n; 16])
}

/// The inputs of each seat, initially three.
struct FewInputs(Vec<Vec<Vec<u8>>>);

impl Logs for FewInputs {
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

/// Member 0 of several, each of which plays the seat with its number.
struct Local {
    agreement: Agreement,
    logs: FewInputs,
}

impl Local {
    fn of(count: u8) -> Self {
        let member = |n| Member {
            peer: id(n),
            seats: vec![Seat(n)],
        };
        let members = (0..count).map(member).collect();
        let agreement = Agreement::new(id(0), members, Duration::from_secs(3));
        Self {
            agreement: agreement.unwrap(),
            logs: FewInputs(vec![vec![vec![7]; 3]; count.into()]),
        }
    }

    fn receive(
        &mut self,
        from: u8,
        message: &Message,
        now: Duration,
    ) -> Result<(), AgreementError> {
        let bytes = message.encode().unwrap();
        self.agreement
            .receive(id(from), &bytes, now, &mut self.logs)
    }

    /// Receives a member's own statement.
    fn receive_statement(&mut self, from: u8, statement: Statement, now: Duration) {
        let author = from;
        let message = Message::Statement { author, statement };
        self.receive(from, &message, now).unwrap();
    }

    fn tick(&mut self, now: Duration) {
        self.agreement.tick(now, &mut self.logs, |_| false);
    }

    fn poll_all(&mut self) -> Vec<AgreementEvent> {
        std::iter::from_fn(|| self.agreement.poll()).collect()
    }

    /// Returns the member that should relay the inputs of member 1.
    fn relay(&self) -> Option<Number> {
        let mut requests = self.agreement.own.relay_requests.iter();
        let request = requests.find(|request| request.member == 1);
        request.map(|request| request.via)
    }
}

fn statement(version: u64) -> Statement {
    Statement {
        version,
        ..Statement::default()
    }
}

fn lost(member: Number, reason: LeaveReason) -> Vec<Loss> {
    vec![Loss {
        member,
        reason,
        is_mirrored: false,
        have: vec![3],
    }]
}

/// Returns a vote to drop a member, whose inputs are known until a tick.
fn vote(member: Number, next: u32) -> Option<Vote> {
    let known = Known {
        next,
        reason: LeaveReason::TimedOut,
        first: next,
        digest: InputSuffix::starting(next).digest(next, next).unwrap(),
    };
    Some(Vote {
        set: Set::of(member),
        known: vec![known],
    })
}

fn inputs(author: u8, seat: u8, inputs: &[u8]) -> Message {
    Message::Inputs {
        author,
        seat: Seat(seat),
        start: 1,
        inputs: inputs.iter().map(|&input| vec![input]).collect(),
    }
}

fn leaving(version: u64) -> Statement {
    Statement {
        leaves: true,
        ..statement(version)
    }
}

#[test]
fn one_vote_drops_no_linked_member() {
    let mut local = Local::of(3);
    let statement = Statement {
        vote: vote(2, 5),
        ..statement(1)
    };
    local.receive_statement(1, statement, NOW);
    for second in 1..60 {
        local.tick(NOW + Duration::from_secs(second));
    }
    assert!(!local.agreement.voted().has(2));
    for event in local.poll_all() {
        assert!(!matches!(event, AgreementEvent::Decided(_)), "{event:?}");
    }
}

#[test]
fn settled_members_do_nothing_in_a_tick() {
    let mut local = Local::of(3);
    local.tick(NOW);
    for from in 1..3 {
        local.receive_statement(from, Statement::default(), NOW);
        assert!(local.agreement.has_news);
    }
    local.tick(NOW);
    assert!(!local.agreement.has_news && local.agreement.is_settled());
}

#[test]
fn conclusions_are_updated_once_per_tick() {
    let mut local = Local::of(3);
    local.agreement.lost(id(1), LeaveReason::Lost);
    let statement = Statement {
        lost: lost(1, LeaveReason::Lost),
        ..statement(1)
    };
    local.receive_statement(2, statement, NOW);
    assert!(local.agreement.own == Statement::default());
    assert_eq!(local.poll_all(), []);
    local.tick(NOW);
    assert_eq!(local.agreement.voted(), Set::of(1));
}

#[test]
fn loss_withdrawn_within_a_tick_counts_for_the_votes_it_caused() {
    let mut local = Local::of(4);
    // Member 1 restarts its link to 3 so quickly that both statements arrive in one tick, but not
    // too quickly for member 2 to vote because of the first.
    for (version, lost) in [(1, lost(3, LeaveReason::Lost)), (2, Vec::new())] {
        let statement = Statement {
            lost,
            ..statement(version)
        };
        local.receive_statement(1, statement, NOW);
    }
    local.agreement.lost(id(3), LeaveReason::Lost);
    let statement = Statement {
        lost: lost(3, LeaveReason::Lost),
        vote: vote(3, 3),
        ..statement(1)
    };
    local.receive_statement(2, statement, NOW);
    local.tick(NOW);
    assert_eq!(local.agreement.voted(), Set::of(3));
}

#[test]
fn blocked_member_receives_the_newest_statement_once_it_is_not_blocked() {
    let mut local = Local::of(3);
    local.tick(NOW);
    local.poll_all();
    let is_for_1 =
        |event: &AgreementEvent| matches!(event, AgreementEvent::Send { to, .. } if *to == id(1));
    for reason in [LeaveReason::Lost, LeaveReason::Left] {
        local.agreement.lost(id(2), reason);
        let logs = &mut local.logs;
        local.agreement.tick(NOW, logs, |peer| peer == id(1));
        assert!(!local.poll_all().iter().any(is_for_1));
    }
    local.tick(NOW);
    assert_eq!(
        local
            .poll_all()
            .iter()
            .filter(|event| is_for_1(event))
            .count(),
        1
    );
}

#[test]
fn blocked_member_learns_later_that_it_was_dropped() {
    let mut local = Local::of(2);
    local.agreement.lost(id(1), LeaveReason::Removed);
    local.agreement.tick(NOW, &mut local.logs, |_| true);
    let is_send = |event: &AgreementEvent| matches!(event, AgreementEvent::Send { .. });
    assert!(!local.poll_all().iter().any(is_send));
    local.tick(NOW);
    assert!(local.poll_all().iter().any(is_send));
}

#[test]
fn differing_inputs_are_reported() {
    let mut local = Local::of(3);
    let contradicts = |taken| matches!(taken, Err(AgreementError::Contradiction(_)));
    // Inputs that continue the known ones contradict nothing.
    assert_eq!(local.receive(1, &inputs(1, 2, &[7, 7, 8]), NOW), Ok(()));
    assert_eq!(
        local.receive(1, &inputs(1, 2, &[7, 6, 8]), NOW),
        Err(AgreementError::OtherInputs)
    );
    // A player's own last inputs are ignored if they contradict it.
    assert!(contradicts(local.receive(
        1,
        &inputs(1, 1, &[6, 7, 9]),
        NOW
    )));
    local.receive_statement(1, leaving(1), NOW);
    assert_eq!(local.logs.next(Seat(1)), Tick(3));
}

#[test]
fn last_inputs_of_a_leaving_member_are_taken() {
    let mut local = Local::of(3);
    local.receive(1, &inputs(1, 1, &[7, 7, 9]), NOW).unwrap();
    local.receive_statement(1, leaving(1), NOW);
    assert_eq!(local.logs.0[1], [[7], [7], [7], [9]]);
}

#[test]
fn departure_is_sent_over_a_link_that_opens_later() {
    let mut local = Local::of(3);
    local.agreement.leave(NOW, &mut local.logs);
    local.poll_all();
    local.agreement.linked(id(2));
    let sent = local.poll_all();
    let is_departure = |event: &AgreementEvent| match event {
        AgreementEvent::Send { to, bytes } if *to == id(2) => {
            let message = Message::decode(bytes, &local.agreement.members);
            matches!(message, Ok(Message::Statement { statement, .. }) if statement.leaves)
        }
        _ => false,
    };
    assert!(sent.iter().any(is_departure), "{sent:?}");
}

#[test]
fn last_member_stores_no_inputs_for_votes() {
    let mut local = Local::of(3);
    local.receive(1, &inputs(1, 1, &[7, 7, 9]), NOW).unwrap();
    local.receive_statement(1, leaving(1), NOW);
    local.receive_statement(2, leaving(1), NOW);
    for second in 1..4 {
        local.tick(NOW * second);
    }
    let decided = local.poll_all().into_iter();
    let decided = decided.filter(|event| matches!(event, AgreementEvent::Decided(_)));
    assert_eq!(decided.count(), 1);
    assert_eq!(local.agreement.kept(), 0);
    assert!(local.agreement.is_settled());
}
