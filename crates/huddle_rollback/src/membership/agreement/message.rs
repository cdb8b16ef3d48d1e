//! The messages between members.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use huddle_session::{MAX_EVENT_LEN, Tick, codec};
use serde::{Deserialize, Serialize};

use super::{
    AgreementError, LeaveReason, Logs,
    members::{MAX_MEMBERS, Members, Number, Set},
    suffix::{Digest, MAX_SUFFIX},
};
use crate::{inputs::MAX_INPUT_LEN, seat::Seat};

/// The number of bytes of inputs after which the next message starts.
pub(super) const CHUNK_LEN: usize = 16 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Message {
    /// A member's statement, from the member itself or forwarded.
    Statement {
        author: Number,
        statement: Statement,
    },
    /// Inputs behind a member's vote, or its own last inputs before it leaves.
    Inputs {
        author: Number,
        seat: Seat,
        start: u32,
        inputs: Vec<Vec<u8>>,
    },
    /// Notifies a dropped member of the ticks at which its seats end.
    Dropped { ends: Vec<(Seat, u32, LeaveReason)> },
}

/// All that a member states. The newest version counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Statement {
    pub(super) version: u64,
    pub(super) leaves: bool,
    /// The members it has lost, in ascending order.
    pub(super) lost: Vec<Loss>,
    /// The relays it requests, in ascending order of the members whose inputs are needed.
    pub(super) relay_requests: Vec<RelayRequest>,
    pub(super) vote: Option<Vote>,
    pub(super) confirmation: Option<Confirmation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Loss {
    pub(super) member: Number,
    pub(super) reason: LeaveReason,
    /// Whether the only reason is that the lost member reported the author as lost first.
    pub(super) is_mirrored: bool,
    /// The tick after the last known input, for each of the member's seats.
    pub(super) have: Vec<u32>,
}

/// The author needs the inputs of `member`, and expects `via` to relay them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RelayRequest {
    pub(super) member: Number,
    pub(super) via: Number,
}

/// The members of a set are out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Vote {
    pub(super) set: Set,
    /// One entry per seat, in the order of the members and then of the seats.
    pub(super) known: Vec<Known>,
}

/// The inputs that a voter knows of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// The tick after the last known input.
    pub(super) next: u32,
    pub(super) reason: LeaveReason,
    /// The first tick whose input is included.
    pub(super) first: u32,
    /// The digest of the included inputs.
    pub(super) digest: Digest,
}

/// The author has all votes for a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Confirmation {
    pub(super) set: Set,
    /// The digests of the votes of all remaining members, in ascending order of the members.
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
        super::suffix::short(&hash)
    }
}

impl Statement {
    pub(super) fn loss(&self, member: Number) -> Option<&Loss> {
        self.lost.iter().find(|loss| loss.member == member)
    }

    pub(super) fn voted(&self) -> Set {
        self.vote.as_ref().map_or(Set::default(), |vote| vote.set)
    }

    /// Checks whether this statement may replace an older one.
    pub(super) fn check_after(&self, older: &Self) -> Result<(), AgreementError> {
        use AgreementError::Contradiction;
        if !older.voted().is_within(self.voted()) {
            return Err(Contradiction("a vote was withdrawn"));
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

    /// Checks whether a member can make this statement at all.
    fn check(&self, author: Number, members: &Members) -> Result<(), AgreementError> {
        use AgreementError::Impossible;
        let others = members.all().without(Set::of(author));
        let ascend = |numbers: &mut dyn Iterator<Item = Number>| {
            let numbers: Vec<_> = numbers.collect();
            numbers.is_sorted_by(|a, b| a < b) && numbers.iter().all(|&n| others.has(n))
        };
        if !ascend(&mut self.lost.iter().map(|loss| loss.member)) {
            return Err(Impossible("losses of unknown members, or out of order"));
        }
        if !ascend(&mut self.relay_requests.iter().map(|request| request.member)) {
            return Err(Impossible(
                "relay requests for unknown members, or out of order",
            ));
        }
        let has = |loss: &Loss| loss.have.len() == members.seats(loss.member).len();
        if !self.lost.iter().all(has) {
            return Err(Impossible("other seats than the member has"));
        }
        for &RelayRequest { member, via } in &self.relay_requests {
            // A relay could not be checked on a member that the author still receives.
            if self.loss(member).is_none() {
                return Err(Impossible("a relay request for a member that is not lost"));
            }
            if !others.has(via) || via == member {
                return Err(Impossible("a relay request to a member that cannot relay"));
            }
        }
        if let Some(vote) = &self.vote {
            if vote.set.is_empty() || !vote.set.is_within(others) {
                return Err(Impossible(
                    "a vote against its author, no member, or unknown members",
                ));
            }
            if vote.known.len() != members.seats_of(vote.set).count() {
                return Err(Impossible("a vote on other seats"));
            }
            let bounded = |known: &Known| {
                let len = known.next.checked_sub(known.first);
                len.is_some_and(|len| len as usize <= MAX_SUFFIX) && known.next < u32::MAX / 2
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
    /// Encodes the message. Every message is within the maximum length, because a match has at most 16
    /// members and seats.
    pub(super) fn encode(&self) -> Option<Bytes> {
        let bytes = codec::encode(self, MAX_EVENT_LEN);
        debug_assert!(bytes.is_ok(), "{bytes:?}");
        bytes.ok()
    }

    /// Returns `true` if the message contains inputs that differ from known ones.
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
        let differs = |(tick, input): (u32, &Vec<u8>)| {
            logs.input(*seat, Tick(tick))
                .is_some_and(|known| known != input)
        };
        (*start..).zip(inputs).any(differs)
    }

    /// Returns `true` if the message contains inputs of a seat that its sender plays.
    pub(super) fn is_own_input(&self, from: Number, members: &Members) -> bool {
        match self {
            Self::Inputs { author, seat, .. } => {
                *author == from && members.seats(from).contains(seat)
            }
            Self::Statement { .. } | Self::Dropped { .. } => false,
        }
    }

    pub(super) fn decode(bytes: &[u8], members: &Members) -> Result<Self, AgreementError> {
        use AgreementError::Impossible;
        let message: Self = codec::decode(bytes, MAX_EVENT_LEN)?;
        match &message {
            Self::Statement { author, statement } => {
                if !members.all().has(*author) {
                    return Err(Impossible("a statement of an unknown member"));
                }
                statement.check(*author, members)?;
            }
            Self::Inputs {
                author,
                seat,
                start,
                inputs,
            } => {
                if !members.all().has(*author) {
                    return Err(Impossible("inputs from an unknown member"));
                }
                if !members.seats_of(members.all()).any(|(_, s)| s == *seat) {
                    return Err(Impossible("inputs of a seat that does not exist"));
                }
                if inputs.is_empty() || inputs.len() > MAX_SUFFIX || *start > u32::MAX / 2 {
                    return Err(Impossible("inputs with ticks out of range"));
                }
                if inputs.iter().any(|input| input.len() > MAX_INPUT_LEN) {
                    return Err(Impossible("an input that is too long"));
                }
            }
            Self::Dropped { ends } => {
                if ends.len() > MAX_MEMBERS {
                    return Err(Impossible("more seats than there are"));
                }
            }
        }
        Ok(message)
    }
}
