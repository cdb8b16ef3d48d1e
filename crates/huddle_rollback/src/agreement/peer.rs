//! What is known of one other member.

use std::{collections::BTreeMap, time::Duration};

use super::{
    LeaveReason,
    members::{MAX_MEMBERS, Number},
    message::{Known, Loss, Statement},
    tail::Tail,
};
use crate::seat::Seat;

#[derive(Debug, Default)]
pub(super) struct Peer {
    /// Whether what is sent may arrive.
    pub(super) has_link: bool,
    /// Lost, as found here.
    pub(super) lost: Option<LeaveReason>,
    /// It is silent because it kept others waiting for its vote.
    pub(super) is_late: bool,
    /// There is no way back.
    pub(super) is_final: bool,
    /// It goes on without this player, which has been told.
    pub(super) has_voted_me_out: bool,
    /// Since when it is lost.
    pub(super) suspected: Option<Duration>,
    /// What it said itself.
    pub(super) direct: Statement,
    /// What others say that it said. Counts only while nothing comes from itself.
    pub(super) heard: Statement,
    /// Since when it counts each member as lost.
    pub(super) lost_since: [Option<Duration>; MAX_MEMBERS],
    /// When it last counted each member as lost, and others may have believed it.
    pub(super) last_lost: [Option<Duration>; MAX_MEMBERS],
    /// The inputs behind its vote.
    pub(super) tails: BTreeMap<Seat, Tail>,
    /// The same, as others pass them on.
    pub(super) heard_tails: BTreeMap<Seat, Tail>,
    pub(super) told: Told,
}

/// What has been sent over the link there is.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The newest statement of each member.
    pub(super) versions: [Option<u64>; MAX_MEMBERS],
    /// The tick after the last input, of whose vote about which seat.
    pub(super) inputs: BTreeMap<(Number, Seat), u32>,
    pub(super) out: bool,
}

impl Peer {
    /// It said itself that it has lost the member who asks, or goes on without it. If it only misses
    /// the member's inputs, it still has what the member may be waiting for.
    pub(super) fn shuns(&self, me: Number) -> bool {
        let has_no_link = |loss: &Loss| !loss.is_echo && loss.reason != LeaveReason::Silent;
        self.direct.lost(me).is_some_and(has_no_link) || self.direct.voted().has(me)
    }

    /// It is lost, whether it was found here or it says so.
    pub(super) fn loss(&self, me: Number) -> Option<(LeaveReason, bool)> {
        let left = (self.heard.leaves && !self.has_link).then_some(LeaveReason::Left);
        match self.lost {
            Some(reason) => Some((left.map_or(reason, |left| reason.max(left)), false)),
            None => self.shuns(me).then_some((LeaveReason::Link, true)),
        }
    }

    pub(super) fn lose(&mut self, reason: LeaveReason) {
        self.lost = self.lost.max(Some(reason));
        self.is_final |= matches!(reason, LeaveReason::Left | LeaveReason::Removed);
    }

    /// The inputs of a seat from a tick until before another, if they are the ones that it means.
    pub(super) fn tail(&self, seat: Seat, known: &Known) -> Option<&Tail> {
        let tails = [self.tails.get(&seat), self.heard_tails.get(&seat)];
        let is_right = |tail: &&Tail| tail.digest(known.first, known.next) == Some(known.digest);
        tails.into_iter().flatten().find(is_right)
    }

    /// What it said last, as far as is known. Nobody speaks for who is linked, unless it has nothing
    /// to say to this member and somebody else knows its vote.
    pub(super) fn word(&self, me: Number) -> &Statement {
        match self.loss(me) {
            Some((LeaveReason::Silent, _)) if self.has_link && !self.is_late => &self.direct,
            Some(_) if self.heard.version > self.direct.version => &self.heard,
            _ => &self.direct,
        }
    }
}
