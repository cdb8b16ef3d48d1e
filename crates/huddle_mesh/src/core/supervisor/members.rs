//! Tracks the members of the room, as the server reports them.

use super::*;

impl Supervisor {
    /// Returns whether there are too many members to add this one.
    pub(super) fn is_crowded(&self, sid: SignalingId) -> bool {
        self.members.len() >= MAX_MEMBERS && !self.members.contains_key(&sid)
    }

    pub(super) fn member(&mut self, sid: SignalingId) -> Option<&mut Member> {
        if self.is_crowded(sid) {
            log::debug!("ignoring {sid}: the room has more than {MAX_MEMBERS} members");
            return None;
        }
        Some(self.members.entry(sid).or_default())
    }

    /// Handles a new member, to which the local peer makes the first offer.
    pub(super) fn member_joined(&mut self, now: Duration, sid: SignalingId, actions: &mut Actions) {
        let violation = ProtocolViolation::DuplicateMember(sid);
        if Some(sid) == self.local_sid {
            return self.server_violation(now, violation, actions);
        }
        let Some(member) = self.member(sid) else {
            return;
        };
        if std::mem::replace(&mut member.we_offer, true) {
            return self.server_violation(now, violation, actions);
        }
        member.failures = 0;
        member.announced = now;
        if self.may_be_linked(sid) {
            if let Some(member) = self.members.get_mut(&sid) {
                member.retry_at = now + SIGNALING_ID_GRACE;
            }
        } else if self.pending_with(sid).is_none() && !self.has_waiting_offers {
            self.offer(now, sid, actions);
        }
    }

    /// Handles the list of the members that were in the room before the local peer.
    pub(super) fn members_listed(&mut self, now: Duration, sids: Vec<SignalingId>) {
        for sid in sids {
            // Skips earlier connections of the local peer, which the server may still list.
            if self.is_other(sid)
                && let Some(member) = self.member(sid)
            {
                member.offers_since.get_or_insert(now);
            }
        }
    }

    fn is_other(&self, sid: SignalingId) -> bool {
        Some(sid) != self.local_sid && !self.former_sids.contains(&sid)
    }

    pub(super) fn member_left(&mut self, now: Duration, sid: SignalingId, actions: &mut Actions) {
        self.resolve_link_failure(sid, actions);
        self.members.remove(&sid);
        self.close_pending(|link| link.sid == sid, actions);
        if self.is_grouped_by_server() {
            return self.disconnect_member(now, sid, actions);
        }
        for (id, peer) in self.peers.iter_mut().filter(|(_, p)| p.sid == Some(sid)) {
            peer.sid = None;
            log::debug!("the server reports that {id} left: probing");
            suspect(now, peer, actions);
        }
    }

    /// Handles a member that has lost its connection to the server, and may connect again.
    ///
    /// It may also have been killed, so its links are probed. The negotiation with it continues.
    pub(super) fn member_doubted(
        &mut self,
        now: Duration,
        sid: SignalingId,
        actions: &mut Actions,
    ) {
        let Some(member) = self.members.get_mut(&sid) else {
            return;
        };
        if std::mem::replace(&mut member.is_doubtful, true) {
            return;
        }
        for (id, peer) in self.peers.iter_mut().filter(|(_, p)| p.sid == Some(sid)) {
            if !peer.take_introduction(now) {
                continue;
            }
            log::debug!("the server reports that {id} lost its connection: probing");
            // Shows the peer that the server runs, so that it connects again immediately.
            if let (Some(link), Some(local_sid), false) =
                (peer.link, self.local_sid, peer.is_matchbox_client)
            {
                let message = Control::SignalingId(local_sid);
                control(actions, link, Channel::Events, &message);
            }
            suspect(now, peer, actions);
        }
    }

    /// Handles a doubtful member that has connected again, with the same signaling id.
    pub(super) fn member_resumed(
        &mut self,
        now: Duration,
        sid: SignalingId,
        actions: &mut Actions,
    ) {
        let Some(member) = self.members.get_mut(&sid) else {
            return;
        };
        member.resume(now);
        for peer in self.peers.values_mut().filter(|p| p.sid == Some(sid)) {
            peer.unlisted = false;
            peer.liveness.cancel_probe();
        }
        self.renew_offers(now, |link| link.sid == sid, actions);
    }
}

/// Starts to watch a peer that may be gone, according to the server.
fn suspect(now: Duration, peer: &mut Peer, actions: &mut Actions) {
    peer.unlisted = true;
    if peer.is_matchbox_client {
        // A stock client answers no probe. Only its silence from now on counts.
        peer.liveness = Liveness::default();
    }
    probe(now, peer, actions);
}
