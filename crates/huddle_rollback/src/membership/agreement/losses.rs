//! Losses of members, and their ends.

use std::time::Duration;

use huddle_session::PeerId;

use super::{
    Agreement, LeaveReason, Logs,
    members::{Number, Set},
    message::Loss,
    peer::Sent,
    progress::GRACE,
};

impl Agreement {
    /// Reports that a member is lost.
    pub(crate) fn lost(&mut self, peer: PeerId, reason: LeaveReason) {
        let Some(number) = self.other(peer) else {
            return;
        };
        let peer = self.peer_mut(number);
        peer.lose(reason);
        if matches!(reason, LeaveReason::Lost | LeaveReason::Restarted) {
            peer.has_link = false;
            peer.sent = Sent::default();
        }
        self.has_news = true;
    }

    /// Reports a new link to a member. It ends a loss of the link, but no other loss. If the local member
    /// has left the match, it notifies the member immediately.
    pub(crate) fn linked(&mut self, peer: PeerId) {
        let Some(number) = self.other(peer) else {
            return;
        };
        let peer = self.peer_mut(number);
        if peer.has_restarted {
            return;
        }
        peer.has_link = true;
        peer.sent = Sent::default();
        if peer.lost == Some(LeaveReason::Lost) && !peer.is_final {
            peer.lost = None;
        }
        self.has_news = true;
        if self.own.leaves {
            // There may be no later tick.
            self.has_news = self.gossip(|_| false);
        }
    }

    /// Reports that a member that had timed out takes part again.
    pub(crate) fn returned(&mut self, peer: PeerId) {
        let Some(number) = self.other(peer) else {
            return;
        };
        let peer = self.peer_mut(number);
        if peer.lost == Some(LeaveReason::TimedOut) && !peer.is_final {
            peer.lost = (!peer.has_link).then_some(LeaveReason::Lost);
            peer.is_late = false;
            self.has_news = true;
        }
    }

    /// Returns the linked members that have timed out and may return. The caller watches whether
    /// they take part again, and then calls [`Self::returned`].
    ///
    /// There are none during a vote, because all members wait then. A member that did not relay
    /// inputs may not return while relays are needed, because its own inputs do not show that it relays.
    pub(crate) fn timed_out(&self) -> impl Iterator<Item = PeerId> {
        let undecided = |loss: &&Loss| !self.decided.has(loss.member);
        let losses = || self.own.lost.iter().filter(undecided);
        let has_timed_out =
            |loss: &Loss| loss.reason == LeaveReason::TimedOut && self.peer(loss.member).has_link;
        let needs_relays = losses().any(|loss| !has_timed_out(loss));
        let may_return = move |loss: &&Loss| {
            let is_late = self.peer(loss.member).is_late;
            !self.is_deciding() && has_timed_out(loss) && (is_late || !needs_relays)
        };
        let members = losses().filter(may_return).map(|loss| loss.member);
        let members: Set = members.collect();
        members.iter().map(|member| self.members.peer(member))
    }

    /// Returns `true` if the local member has lost a member.
    pub(crate) fn has_lost(&self, peer: PeerId) -> bool {
        self.other(peer)
            .is_some_and(|number| self.peer(number).lost.is_some())
    }

    /// Updates the local losses, and records the losses of all members.
    pub(super) fn update_losses(&mut self, now: Duration, logs: &impl Logs) {
        let local = self.local;
        let mut lost = Vec::new();
        for number in self.members.all().without(Set::of(local)).iter() {
            let Some((reason, is_mirrored)) = self.peer(number).loss(local) else {
                if !self.voted().has(number) {
                    self.peer_mut(number).suspected = None;
                }
                continue;
            };
            self.peer_mut(number).suspected.get_or_insert(now);
            let have = match self.own.loss(number) {
                Some(loss) => loss.have.clone(),
                None => {
                    let seats = self.members.seats(number).iter();
                    seats.map(|&seat| logs.next(seat).0).collect()
                }
            };
            lost.push(Loss {
                member: number,
                reason,
                is_mirrored,
                have,
            });
        }
        self.own.lost = lost;
        for by in self.members.all().iter() {
            self.record_losses(by, now);
        }
    }

    /// Records the first and the last time at which a member states each of its losses.
    ///
    /// Call this for every message, not only once per tick. A member may withdraw a loss in the next
    /// message of the same tick, when another member has already voted because of it.
    pub(super) fn record_losses(&mut self, by: Number, now: Duration) {
        let lost = self.lost_by(by);
        for member in self.members.all().iter() {
            let is_lost = lost.has(member);
            let since = &mut self.peer_mut(by).lost_since[usize::from(member)];
            *since = is_lost.then(|| since.unwrap_or(now));
            if is_lost && !self.is_in_grace(by, member, GRACE / 2, now) {
                self.peer_mut(by).last_lost[usize::from(member)] = Some(now);
            }
        }
    }
}
