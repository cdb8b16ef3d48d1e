//! Decides which members the local peer negotiates with.

use super::*;

impl Supervisor {
    /// Checks the sender of a description, and the proof that it has the room's secret. Returns
    /// `false` if the description must be ignored.
    pub(super) fn accepts_description(
        &mut self,
        now: Duration,
        sid: SignalingId,
        description: &Description,
        actions: &mut Actions,
    ) -> bool {
        if description.fingerprint == self.fingerprint {
            let source = ViolationSource::Member(sid);
            self.record_violation(now, source, ProtocolViolation::LocalCertificate, actions);
            return false;
        }
        let proof = description.tag.and_then(|tag| tag.proof);
        let is_proven = identity::verify(
            self.secret.as_ref(),
            &description.fingerprint,
            proof.as_ref(),
        );
        let peer_id = description.peer_id().unwrap_or(sid.peer_id());
        if !is_proven {
            self.refuse_member(now, sid, peer_id, actions);
        } else if let Some(member) = self.members.get_mut(&sid)
            && std::mem::take(&mut member.is_refused)
        {
            // The description without the secret was not this member's own.
            self.resolve_link_failure(sid, actions);
        }
        // A matchbox client gets one link.
        let is_known_client = description.tag.is_none() && self.peers.contains_key(&peer_id);
        is_proven
            && !is_known_client
            && !self.disconnected_members.contains(&sid)
            && !self.disconnected.contains(&peer_id)
    }

    /// Ends all attempts with a member that does not have the room's secret, and reports it once.
    fn refuse_member(
        &mut self,
        now: Duration,
        sid: SignalingId,
        peer_id: PeerId,
        actions: &mut Actions,
    ) {
        self.close_pending(|link| link.sid == sid, actions);
        let Some(member) = self.member(sid) else {
            return;
        };
        if std::mem::replace(&mut member.is_refused, true) {
            return;
        }
        let earlier = member
            .reported
            .replace(peer_id)
            .filter(|&peer| peer != peer_id);
        actions.extend(earlier.map(|peer| Action::Emit(CoreEvent::LinkFailureResolved(peer))));
        actions.push_back(Action::Emit(CoreEvent::LinkFailed {
            peer: peer_id,
            reason: LinkFailure::Secret,
            attempt: 1,
        }));
        // An offer shows the other peer that the secrets differ. A matchbox client would try to
        // connect.
        if peer_id != sid.peer_id() {
            self.offer(now, sid, actions);
        }
    }
}
