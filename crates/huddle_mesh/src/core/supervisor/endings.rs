//! Ends links, and removes peers.

use super::*;

impl Supervisor {
    /// Handles a link that failed to open, or that ended.
    pub(super) fn failed(
        &mut self,
        now: Duration,
        id: LinkId,
        why: &str,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let Some(link) = self.links.get(&id) else {
            return;
        };
        let (pending, sid, is_matchbox_client) =
            (link.is_pending(), link.sid, link.is_matchbox_client);
        let active = match link.phase {
            Phase::Active(peer) => Some(peer),
            _ => None,
        };
        log::debug!("link {} with {sid} ended: {why}", id.0);
        let reason = reason(now, link, self.relay_only, why);
        if pending {
            self.report_link_failure(id, reason, actions);
        }
        self.close(id, actions);
        if pending && let Some(member) = self.members.get_mut(&sid) {
            member.failures = member.failures.saturating_add(1);
            let doubled = FIRST_WAIT.saturating_mul(1 << member.failures.min(8));
            member.retry_at = now + entropy.jittered(doubled.min(LONGEST_WAIT) / 2);
        }
        let Some(peer_id) = active else {
            return;
        };
        let Some(peer) = self.peers.get_mut(&peer_id) else {
            return;
        };
        peer.link = None;
        if is_matchbox_client {
            return self.peer_left(peer_id, DisconnectReason::Lost, actions);
        }
        set_reconnecting(peer_id, peer, actions);
        if peer.unlisted {
            probe(now, peer, actions);
        }
    }

    /// Reports to the game why an attempt does not succeed, once per attempt and reason. Failures
    /// with a connected peer are not reported, because other events cover them. Neither are those
    /// without a connection to the server, which may be the cause.
    pub(super) fn report_link_failure(
        &mut self,
        id: LinkId,
        reason: LinkFailure,
        actions: &mut Actions,
    ) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let (sid, peer_id) = (link.sid, link.claimed.unwrap_or(link.sid.peer_id()));
        let ids = link.replaces.iter().chain([&peer_id]);
        let mut peers = ids.filter_map(|id| self.peers.get(id));
        let is_connected = peers.any(|peer| peer.is_connected);
        let Some(member) = self.members.get_mut(&sid) else {
            return;
        };
        let is_signaled = self.local_sid.is_some();
        if !is_signaled
            || is_connected
            || member.is_refused
            || link.reported.as_ref() == Some(&reason)
        {
            return;
        }
        link.reported = Some(reason.clone());
        if let Some(earlier) = member.reported.replace(peer_id)
            && earlier != peer_id
        {
            actions.push_back(Action::Emit(CoreEvent::LinkFailureResolved(earlier)));
        }
        actions.push_back(Action::Emit(CoreEvent::LinkFailed {
            peer: peer_id,
            reason,
            attempt: member.failures.saturating_add(1),
        }));
    }

    /// Reports that the last link failure of a member no longer applies.
    pub(super) fn resolve_link_failure(&mut self, sid: SignalingId, actions: &mut Actions) {
        let reported = self.members.get_mut(&sid).and_then(|m| m.reported.take());
        actions.extend(reported.map(|peer| Action::Emit(CoreEvent::LinkFailureResolved(peer))));
    }

    pub(super) fn close(&mut self, id: LinkId, actions: &mut Actions) {
        if self.links.remove(&id).is_some() {
            actions.push_back(Action::CloseLink { link: id });
        }
    }

    pub(super) fn close_pending(&mut self, which: impl Fn(&Link) -> bool, actions: &mut Actions) {
        let closing: Vec<_> = self
            .links
            .iter()
            .filter(|(_, link)| link.is_pending() && which(link))
            .map(|(id, _)| *id)
            .collect();
        for id in closing {
            self.close(id, actions);
        }
    }

    /// Handles the loss of a peer: closes all of its links.
    pub(super) fn peer_left(
        &mut self,
        peer_id: PeerId,
        reason: DisconnectReason,
        actions: &mut Actions,
    ) {
        let Some(peer) = self.peers.get_mut(&peer_id) else {
            return;
        };
        if !std::mem::replace(&mut peer.is_connected, false) {
            return;
        }
        peer.link = None;
        peer.is_reconnecting = false;
        let links: Vec<_> = self
            .links
            .iter()
            .filter(|(_, link)| {
                matches!(link.phase, Phase::Active(p) | Phase::Draining(p, _) if p == peer_id)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in links {
            self.close(id, actions);
        }
        actions.push_back(Action::Emit(CoreEvent::Left {
            peer: peer_id,
            reason,
        }));
    }

    /// Disconnects a peer with a goodbye that contains the reason.
    pub(super) fn dismiss(
        &mut self,
        now: Duration,
        peer_id: PeerId,
        goodbye: Goodbye,
        reason: DisconnectReason,
        actions: &mut Actions,
    ) {
        let Some(peer) = self.peers.get_mut(&peer_id) else {
            return;
        };
        peer.goodbye = true;
        let (link, is_matchbox_client) = (peer.link, peer.is_matchbox_client);
        if let (Some(id), false) = (link, is_matchbox_client) {
            control(actions, id, Channel::Events, &Control::Bye(goodbye));
            if let Some(link) = self.links.get_mut(&id) {
                link.phase = Phase::Closing(now + GOODBYE);
            }
        }
        self.peer_left(peer_id, reason, actions);
    }
}

/// Returns why an attempt failed.
fn reason(now: Duration, link: &Link, relay_only: bool, why: &str) -> LinkFailure {
    let late = now.saturating_sub(link.since) >= link.timeout;
    match link.phase {
        Phase::Opening if late && link.remote_ufrag.is_none() => LinkFailure::NoAnswer,
        // Browsers may give up before the timeout.
        Phase::Opening if late || link.has_no_path => no_path(link, relay_only),
        _ => LinkFailure::Broken(why.to_owned()),
    }
}

/// Returns why no packets pass on a link whose peers have exchanged their descriptions.
pub(super) fn no_path(link: &Link, relay_only: bool) -> LinkFailure {
    if link.has_local_address && link.has_remote_address {
        LinkFailure::NoPath
    } else if link.has_local_address {
        LinkFailure::NoRemoteAddress
    } else if relay_only {
        LinkFailure::NoRelay
    } else {
        LinkFailure::NoLocalAddress
    }
}
