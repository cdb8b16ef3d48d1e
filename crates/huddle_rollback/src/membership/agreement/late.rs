//! Members that do not vote or confirm in time, or confirm other votes.

use std::time::Duration;

use super::{
    Agreement, LeaveReason,
    members::{Number, Set},
    message::Confirmation,
};

impl Agreement {
    /// Gives up members that do not vote or confirm in time.
    pub(super) fn check_voters(&mut self, now: Duration) {
        let set = self.voted();
        if set == self.decided {
            return;
        }
        let stay = self.members.all().without(set).without(Set::of(self.local));
        let own = self.own.confirmation.as_ref().filter(|own| own.set == set);
        let (late, over) = match own {
            None => {
                let took = now.saturating_sub(self.progress.voted);
                let voted = |by: &Number| self.statement(*by).voted();
                let is_behind = |by: &Number| !set.is_within(voted(by));
                let mut late: Set = stay.iter().filter(is_behind).collect();
                let mut limit = self.limit;
                if late.is_empty() {
                    late = stay.iter().filter(|by| voted(by) != set).collect();
                    // The reason for their larger votes may still arrive.
                    limit = 2 * self.limit;
                }
                if late.is_empty() {
                    late = self.outcome().err().unwrap_or_default();
                    limit = self.limit;
                }
                (late, took.checked_sub(limit))
            }
            Some(own) => {
                let theirs = |by: &Number| self.statement(*by).confirmation.as_ref();
                let is_late = |by: &Number| theirs(by).is_none_or(|c| c.set != set);
                let late: Set = stay.iter().filter(is_late).collect();
                if late.is_empty() {
                    let blamed = stay.iter().filter_map(|by| self.member_to_give_up(by, own));
                    return self.give_up(blamed.collect());
                }
                let took = now.saturating_sub(self.progress.confirmed);
                // The members that they wait for in turn are detected first.
                (late, took.checked_sub(2 * self.limit))
            }
        };
        let Some(over) = over else {
            return;
        };
        self.give_up(late);
        // A member that claims a link to a late member should have forwarded its vote, or have given
        // it up as well.
        if over >= self.limit {
            let claims_link = |by: &Number| !late.is_within(self.lost_by(*by));
            let claiming = stay.without(late).iter().filter(claims_link).collect();
            self.give_up(claiming);
        }
    }

    pub(super) fn give_up(&mut self, peers: Set) {
        for peer in peers.iter() {
            if self.holds(peer) {
                let peer = self.peer_mut(peer);
                peer.lose(LeaveReason::TimedOut);
                peer.is_late = true;
            }
        }
    }

    /// Returns the member to give up if another one confirms different votes: the voter whose votes
    /// differ, or the other member if there is no single such voter.
    fn member_to_give_up(&self, by: Number, own: &Confirmation) -> Option<Number> {
        let theirs = self.statement(by).confirmation.as_ref()?;
        let stay = self.members.all().without(own.set);
        let pairs = stay.iter().zip(own.votes.iter().zip(&theirs.votes));
        let differ: Vec<_> = pairs.filter(|(_, (a, b))| a != b).map(|(n, _)| n).collect();
        match differ[..] {
            [] => None,
            [voter] if voter != self.local => Some(voter),
            _ => Some(by),
        }
    }
}
