//! What members say to each other, as bytes.

use bytes::Bytes;
use huddle_session::{MAX_EVENT_LEN, Tick, codec};
use serde::{Deserialize, Serialize};

use super::{
    AgreementError, LeaveReason, Logs,
    members::{MAX_MEMBERS, Members, Number, Set},
    tail::{Digest, MAX_TAIL},
};
use crate::{coding::MAX_INPUT_LEN, seat::Seat};

/// After how many bytes of inputs the next message begins.
pub(super) const CHUNK_LEN: usize = 16 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Message {
    /// What a member says, by itself or passed on.
    Statement { of: Number, statement: Statement },
    /// Inputs that back a member's vote, or its own last ones before it leaves.
    Inputs {
        of: Number,
        seat: Seat,
        start: u32,
        inputs: Vec<Vec<u8>>,
    },
    /// To one who is out: from when on its seats are empty here.
    Out { ends: Vec<(Seat, u32, LeaveReason)> },
}

/// All that a member has to say; the newest counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Statement {
    pub(super) version: u64,
    pub(super) leaves: bool,
    /// Whom it has lost. In ascending order.
    pub(super) lost: Vec<Loss>,
    /// Whose inputs it wants passed on by whom. In ascending order of the former.
    pub(super) asks: Vec<Ask>,
    pub(super) vote: Option<Vote>,
    pub(super) confirmation: Option<Confirmation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Loss {
    pub(super) peer: Number,
    pub(super) reason: LeaveReason,
    /// Lost for no other reason than that the peer says it has lost this member.
    pub(super) is_echo: bool,
    /// The tick after the last known input, for each of the peer's seats.
    pub(super) have: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) peer: Number,
    pub(super) via: Number,
    /// From which tick on, for each of the peer's seats.
    pub(super) from: Vec<u32>,
}

/// These are out, and this is all that is known of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Vote {
    pub(super) set: Set,
    /// Of all their seats, in the order of the members and then of the seats.
    pub(super) known: Vec<Known>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// The tick after the last known input.
    pub(super) next: u32,
    pub(super) reason: LeaveReason,
    /// From which tick on inputs are handed on.
    pub(super) first: u32,
    /// Of these inputs.
    pub(super) digest: Digest,
}

/// All votes for this set are there, and they are these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Confirmation {
    pub(super) set: Set,
    /// Of the votes of all who stay, in ascending order.
    pub(super) votes: Vec<Digest>,
}

impl Vote {
    pub(super) fn digest(&self) -> Digest {
        let mut hash = blake3::Hasher::new();
        hash.update(&self.set.iter().collect::<Vec<_>>());
        for known in &self.known {
            hash.update(&known.next.to_le_bytes());
            hash.update(&[known.reason as u8]);
            hash.update(&known.first.to_le_bytes());
            hash.update(&known.digest);
        }
        super::tail::short(&hash)
    }
}

impl Statement {
    pub(super) fn lost(&self, peer: Number) -> Option<&Loss> {
        self.lost.iter().find(|loss| loss.peer == peer)
    }

    pub(super) fn voted(&self) -> Set {
        self.vote.as_ref().map_or(Set::default(), |vote| vote.set)
    }

    /// Whether it may follow an older one.
    pub(super) fn check_after(&self, older: &Self) -> Result<(), AgreementError> {
        use AgreementError::Contradiction;
        if !older.voted().is_within(self.voted()) {
            return Err(Contradiction("a vote was taken back"));
        }
        if older.voted() == self.voted() && older.vote != self.vote {
            return Err(Contradiction("two votes for the same members"));
        }
        if let (Some(older), Some(newer)) = (&older.confirmation, &self.confirmation)
            && older.set == newer.set
            && older != newer
        {
            return Err(Contradiction("two confirmations of the same votes"));
        }
        if older.leaves && !self.leaves {
            return Err(Contradiction("it has left"));
        }
        Ok(())
    }

    /// Whether a member can say that at all.
    fn check(&self, of: Number, members: &Members) -> Result<(), AgreementError> {
        use AgreementError::Impossible;
        let others = members.all().without(Set::of(of));
        let ascend = |numbers: &mut dyn Iterator<Item = Number>| {
            let numbers: Vec<_> = numbers.collect();
            numbers.is_sorted_by(|a, b| a < b) && numbers.iter().all(|&n| others.has(n))
        };
        if !ascend(&mut self.lost.iter().map(|loss| loss.peer)) {
            return Err(Impossible("a list of lost members with others, or twice"));
        }
        if !ascend(&mut self.asks.iter().map(|ask| ask.peer)) {
            return Err(Impossible("a list of wanted members with others, or twice"));
        }
        // Who asks for inputs that it says it has would not be asked, nor found out.
        if !self.asks.iter().all(|ask| self.lost(ask.peer).is_some()) {
            return Err(Impossible("a wanted member that is not lost"));
        }
        let fits = |peer, list: &[u32]| list.len() == members.seats(peer).len();
        if !self.lost.iter().all(|loss| fits(loss.peer, &loss.have))
            || !self.asks.iter().all(|ask| fits(ask.peer, &ask.from))
        {
            return Err(Impossible("other seats than the member has"));
        }
        if !self
            .asks
            .iter()
            .all(|ask| others.has(ask.via) && ask.via != ask.peer)
        {
            return Err(Impossible("inputs to be passed on by nobody"));
        }
        if let Some(vote) = &self.vote {
            if vote.set.is_empty() || !vote.set.is_within(others) {
                return Err(Impossible("a vote against itself, nobody, or others"));
            }
            if vote.known.len() != members.seats_of(vote.set).count() {
                return Err(Impossible("a vote about other seats"));
            }
            let bounded = |known: &Known| {
                let len = known.next.checked_sub(known.first);
                len.is_some_and(|len| len as usize <= MAX_TAIL) && known.next < u32::MAX / 2
            };
            if !vote.known.iter().all(bounded) {
                return Err(Impossible("a vote with ticks out of range"));
            }
        }
        if let Some(confirmation) = &self.confirmation {
            if !confirmation.set.is_within(self.voted()) || confirmation.set.is_empty() {
                return Err(Impossible("a confirmation without a vote"));
            }
            if confirmation.votes.len() != members.all().without(confirmation.set).len() {
                return Err(Impossible("a confirmation of other votes"));
            }
        }
        Ok(())
    }
}

impl Message {
    /// Everything that is said fits: there are at most 16 members and seats.
    pub(super) fn encode(&self) -> Option<Bytes> {
        let bytes = codec::encode(self, MAX_EVENT_LEN);
        debug_assert!(bytes.is_ok(), "{bytes:?}");
        bytes.ok()
    }

    /// Whether it has other inputs of a seat than are known.
    pub(super) fn differs(&self, logs: &impl Logs) -> bool {
        let Self::Inputs {
            seat,
            start,
            inputs,
            ..
        } = self
        else {
            return false;
        };
        let other = |(tick, input): (u32, &Vec<u8>)| {
            logs.input(*seat, Tick(tick))
                .is_some_and(|known| known != input)
        };
        (*start..).zip(inputs).any(other)
    }

    /// Whether it has inputs of a seat that their sender plays.
    pub(super) fn is_own_input(&self, from: Number, members: &Members) -> bool {
        match self {
            Self::Inputs { of, seat, .. } => *of == from && members.seats(from).contains(seat),
            Self::Statement { .. } | Self::Out { .. } => false,
        }
    }

    pub(super) fn decode(bytes: &[u8], members: &Members) -> Result<Self, AgreementError> {
        use AgreementError::Impossible;
        let message: Self = codec::decode(bytes, MAX_EVENT_LEN)?;
        match &message {
            Self::Statement { of, statement } => {
                if !members.all().has(*of) {
                    return Err(Impossible("a statement of nobody"));
                }
                statement.check(*of, members)?;
            }
            Self::Inputs {
                of,
                seat,
                start,
                inputs,
            } => {
                if !members.all().has(*of) {
                    return Err(Impossible("inputs of nobody"));
                }
                if !members.seats_of(members.all()).any(|(_, s)| s == *seat) {
                    return Err(Impossible("inputs of a seat that nobody plays"));
                }
                if inputs.is_empty() || inputs.len() > MAX_TAIL || *start > u32::MAX / 2 {
                    return Err(Impossible("inputs of ticks out of range"));
                }
                if inputs.iter().any(|input| input.len() > MAX_INPUT_LEN) {
                    return Err(Impossible("an input that is too long"));
                }
            }
            Self::Out { ends } => {
                if ends.len() > MAX_MEMBERS {
                    return Err(Impossible("more seats than there are"));
                }
            }
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
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
            reason: LeaveReason::Silent,
            first: 7,
            digest: [3; 16],
        };
        Statement {
            version: 5,
            leaves: false,
            lost: vec![Loss {
                peer: 2,
                reason: LeaveReason::Link,
                is_echo: false,
                have: vec![8],
            }],
            asks: vec![Ask {
                peer: 2,
                via: 1,
                from: vec![8],
            }],
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
        let message = Message::Statement { of: 0, statement };
        let again = Message::decode(&message.encode().unwrap(), &members())?;
        assert_eq!(again, message);
        Ok(())
    }

    #[test]
    fn a_statement_is_these_bytes() {
        let message = Message::Statement {
            of: 0,
            statement: statement(),
        };
        let bytes = [
            &[0, 0, 5, 0][..],
            &[1, 2, 0, 0, 1, 8],
            &[1, 2, 1, 1, 8],
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
    fn statements_that_cannot_be_are_refused() {
        fn vote(statement: &mut Statement) -> &mut Vote {
            statement.vote.as_mut().unwrap()
        }
        assert_eq!(check(|_| ()), Ok(()));
        let changes: [fn(&mut Statement); 15] = [
            |s| s.lost[0].peer = 0,
            |s| s.lost[0].peer = 3,
            |s| s.lost.push(s.lost[0].clone()),
            |s| s.lost[0].have.clear(),
            |s| s.lost.clear(),
            |s| s.asks[0].from.push(1),
            |s| s.asks[0].via = 2,
            |s| s.asks[0].via = 0,
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
    fn what_was_voted_cannot_be_taken_back() {
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
    fn the_longest_messages_fit() {
        let inputs = Message::Inputs {
            of: 15,
            seat: Seat(15),
            start: u32::MAX / 2,
            inputs: vec![vec![255; MAX_INPUT_LEN]; CHUNK_LEN / MAX_INPUT_LEN + 1],
        };
        assert!(inputs.encode().unwrap().len() < MAX_EVENT_LEN);
    }
}
