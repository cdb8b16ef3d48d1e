//! The end of the signaling connection, and its return.
//!
//! | loss | meaning |
//! |---|---|
//! | interrupted | the server may keep the local peer's place, so the members keep theirs |
//! | lost | the local peer gets a new signaling id, and all other ones become invalid |
//!
//! An interruption ends in one of these ways: the server assigns the same id again, or another one.
//! In the second case, the connection is lost.

use super::*;

/// The time that an attempt gets to succeed after an interruption. If it does not, one of its
/// candidates may have been lost.
const RENEW_AFTER: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Handles the end of a connection that the server may resume.
    pub(crate) fn signaling_interrupted(&mut self, actions: &mut Actions) {
        if let Some(sid) = self.local_sid.take() {
            self.interrupted = Some(sid);
            self.forget_sid(sid);
        }
        for member in self.members.values_mut() {
            resolve(member, actions);
        }
        self.stop_negotiating(actions);
    }

    /// Handles the end of the signaling connection. All signaling ids become invalid. Links stay
    /// open.
    pub(crate) fn signaling_lost(&mut self, actions: &mut Actions) {
        self.grouping.lost();
        if let Some(sid) = self.local_sid.take() {
            self.forget_sid(sid);
        }
        let mut members = std::mem::take(&mut self.members);
        // A peer that reported a new id during an interruption keeps it.
        let was_interrupted = self.interrupted.take().is_some();
        for peer in self.peers.values_mut() {
            let is_new = |sid: &SignalingId| was_interrupted && !members.contains_key(sid);
            peer.sid = peer.sid.filter(is_new);
        }
        for member in members.values_mut() {
            resolve(member, actions);
        }
        self.violations.clear();
        self.server_violations = 0;
        self.verdict = None;
        self.stop_negotiating(actions);
    }

    /// Ends an interruption if the server assigns another id than before.
    pub(crate) fn id_assigned(&mut self, sid: SignalingId, actions: &mut Actions) {
        if self.interrupted.is_some_and(|former| former != sid) {
            self.signaling_lost(actions);
        }
    }

    /// Returns whether a peer has shown that the server still runs, once.
    pub(crate) fn take_server_is_up(&mut self) -> bool {
        std::mem::take(&mut self.server_is_up)
    }

    /// Continues after an interruption, with the same signaling id.
    pub(super) fn signaling_resumed(
        &mut self,
        now: Duration,
        sid: SignalingId,
        actions: &mut Actions,
    ) {
        self.interrupted = None;
        self.local_sid = Some(sid);
        self.former_sids.retain(|former| *former != sid);
        self.grouping.request_report();
        for link in self.links.values_mut().filter(|link| link.is_pending()) {
            link.is_signaled = true;
        }
        self.renew_offers(now, |_| true, actions);
    }

    /// Updates the members after an interruption, in which messages may have been lost.
    pub(super) fn update_members(
        &mut self,
        now: Duration,
        sids: Vec<SignalingId>,
        actions: &mut Actions,
    ) {
        let listed: BTreeSet<_> = sids.into_iter().collect();
        let known = self.members.keys();
        let gone: Vec<_> = known.filter(|sid| !listed.contains(sid)).copied().collect();
        for sid in gone {
            self.member_left(now, sid, actions);
        }
        for sid in listed {
            if let Some(member) = self.members.get_mut(&sid) {
                member.resume(now);
            } else if Some(sid) != self.local_sid {
                self.member_joined(now, sid, actions);
                if let Some(member) = self.members.get_mut(&sid) {
                    member.was_interrupted = true;
                }
            }
        }
    }

    /// Repeats the offers of attempts whose signals may have been lost. The peer at the other end
    /// does the same, because it knows of the interruption as well.
    pub(super) fn renew_offers(
        &mut self,
        now: Duration,
        which: impl Fn(&Link) -> bool,
        actions: &mut Actions,
    ) {
        self.close_pending(
            |link| which(link) && link.offering && link.remote_ufrag.is_none(),
            actions,
        );
        for link in self.links.values_mut() {
            if which(link) && link.offering && link.is_pending() {
                link.renew_at = Some(now + RENEW_AFTER);
            }
        }
    }

    fn forget_sid(&mut self, sid: SignalingId) {
        self.former_sids.truncate(MAX_FORMER_SIDS - 1);
        self.former_sids.push_front(sid);
    }

    /// Closes attempts that still wait for a description, which cannot arrive any more.
    fn stop_negotiating(&mut self, actions: &mut Actions) {
        self.close_pending(
            |link| link.remote_ufrag.is_none() || link.local_ufrag.is_none(),
            actions,
        );
        for link in self.links.values_mut() {
            link.is_signaled = false;
        }
    }
}

/// Reports that the last link failure of a member no longer applies.
fn resolve(member: &mut Member, actions: &mut Actions) {
    let reported = member.reported.take();
    actions.extend(reported.map(|peer| Action::Emit(CoreEvent::LinkFailureResolved(peer))));
}
