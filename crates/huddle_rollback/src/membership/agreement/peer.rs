//! The local member's knowledge about one other member.

use std::{collections::BTreeMap, time::Duration};

use super::{
    LeaveReason,
    members::{MAX_MEMBERS, Number},
    message::{Known, Loss, Statement},
    suffix::InputSuffix,
};
use crate::seat::Seat;

#[derive(Debug, Default)]
pub(super) struct Peer {
    /// Whether messages to it can arrive.
    pub(super) has_link: bool,
    /// The reason for which the local member has lost it.
    pub(super) lost: Option<LeaveReason>,
    /// Whether it timed out because it did not vote in time.
    pub(super) is_late: bool,
    /// Whether the loss cannot end.
    pub(super) is_final: bool,
    /// Whether its program was restarted. The link then leads to a program outside the match.
    pub(super) has_restarted: bool,
    /// Whether it has notified the local member that it dropped it.
    pub(super) has_dropped_local: bool,
    /// The time at which it was first lost.
    pub(super) suspected: Option<Duration>,
    /// Its newest statement that it sent itself.
    pub(super) direct: Statement,
    /// Its newest statement that other members forwarded. It counts only while the member itself sends
    /// none.
    pub(super) forwarded: Statement,
    /// For each member, the time since which it states that it has lost it.
    pub(super) lost_since: [Option<Duration>; MAX_MEMBERS],
    /// For each member, the time at which it last stated the loss, not counting the first half of the
    /// grace period.
    pub(super) last_lost: [Option<Duration>; MAX_MEMBERS],
    /// The inputs behind its vote.
    pub(super) suffixes: BTreeMap<Seat, InputSuffix>,
    /// The inputs behind its vote that other members forwarded.
    pub(super) forwarded_suffixes: BTreeMap<Seat, InputSuffix>,
    pub(super) sent: Sent,
}

/// What was sent over the current link.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The newest version of each member's statement.
    pub(super) versions: [Option<u64>; MAX_MEMBERS],
    /// The tick after the last input, by the member whose vote it supports and the seat.
    pub(super) inputs: BTreeMap<(Number, Seat), u32>,
    pub(super) dropped: bool,
}

impl Peer {
    /// Returns `true` if it states that it has lost or dropped the local member. A loss by timeout
    /// does not count: a member that only misses inputs still has the inputs that the local member
    /// may be waiting for.
    pub(super) fn reports_lost(&self, local: Number) -> bool {
        let has_no_link = |loss: &Loss| !loss.is_mirrored && loss.reason != LeaveReason::TimedOut;
        self.direct.loss(local).is_some_and(has_no_link) || self.direct.voted().has(local)
    }

    /// Returns the reason for which it is lost, and whether the loss is mirrored.
    pub(super) fn loss(&self, local: Number) -> Option<(LeaveReason, bool)> {
        let left = (self.forwarded.leaves && !self.has_link).then_some(LeaveReason::Left);
        match self.lost {
            Some(reason) => Some((left.map_or(reason, |left| reason.max(left)), false)),
            None => self
                .reports_lost(local)
                .then_some((LeaveReason::Lost, true)),
        }
    }

    pub(super) fn lose(&mut self, reason: LeaveReason) {
        self.lost = self.lost.max(Some(reason));
        self.is_final |= reason.is_final();
        self.has_restarted |= reason == LeaveReason::Restarted;
    }

    /// Returns the inputs that an entry of its vote refers to.
    pub(super) fn suffix(&self, seat: Seat, known: &Known) -> Option<&InputSuffix> {
        let suffixes = [self.suffixes.get(&seat), self.forwarded_suffixes.get(&seat)];
        let matches =
            |suffix: &&InputSuffix| suffix.digest(known.first, known.next) == Some(known.digest);
        suffixes.into_iter().flatten().find(matches)
    }

    /// Returns its newest statement, as far as it is known. Forwarded statements of a linked member
    /// count only if it did not vote in time: other members may have its vote.
    pub(super) fn statement(&self, local: Number) -> &Statement {
        match self.loss(local) {
            Some((LeaveReason::TimedOut, _)) if self.has_link && !self.is_late => &self.direct,
            Some(_) if self.forwarded.version > self.direct.version => &self.forwarded,
            _ => &self.direct,
        }
    }
}
