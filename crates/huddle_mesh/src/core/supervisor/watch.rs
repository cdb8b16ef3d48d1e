//! Handles timeouts and periodic work.

use super::{endings::no_path, *};

impl Supervisor {
    /// Advances the time to `now`. Returns whether there is reason to doubt the signaling
    /// connection.
    pub(crate) fn tick(
        &mut self,
        now: Duration,
        step: Duration,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) -> bool {
        self.expire_links(now, entropy, actions);
        self.watch_members(now, actions);
        let doubt = self.watch_peers(now, step, actions);
        self.has_waiting_offers = false;
        for sid in self.due_offers(now) {
            self.offer(now, sid, actions);
        }
        doubt
    }

    pub(super) fn expire_links(
        &mut self,
        now: Duration,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let mut late = Vec::new();
        let mut over = Vec::new();
        let mut slow = Vec::new();
        let repeats_offers = self.peers.values().any(|peer| peer.is_reconnecting);
        for (id, link) in &self.links {
            let age = now.saturating_sub(link.since);
            match link.phase {
                Phase::Opening | Phase::Open if age >= link.timeout => late.push(*id),
                // The peer may have answered on a link that was already broken.
                Phase::Opening
                    if repeats_offers && link.is_unanswered_first() && age >= REPEAT_OFFER =>
                {
                    over.push(*id);
                }
                Phase::Opening if link.renew_at.is_some_and(|at| now >= at) => over.push(*id),
                Phase::Opening if link.remote_ufrag.is_none() && age >= REPORT_NO_ANSWER => {
                    slow.push((*id, LinkFailure::NoAnswer));
                }
                Phase::Opening if age >= REPORT_NO_PATH => {
                    slow.push((*id, no_path(link, self.relay_only)));
                }
                Phase::Draining(_, until) | Phase::Closing(until) if now >= until => over.push(*id),
                _ => {}
            }
        }
        for (id, reason) in slow {
            self.report_link_failure(id, reason, actions);
        }
        for id in late {
            self.failed(now, id, "it did not open in time", entropy, actions);
        }
        for id in over {
            self.close(id, actions);
        }
    }

    /// Reports members whose offer is overdue, which means that their game does not run.
    fn watch_members(&mut self, now: Duration, actions: &mut Actions) {
        let is_connected = self.local_sid.is_some();
        for (sid, member) in &mut self.members {
            let Some(since) = member.offers_since.filter(|_| is_connected) else {
                continue;
            };
            if member.has_offered || member.we_offer {
                member.offers_since = None;
            } else if now.saturating_sub(since) >= REPORT_NO_ANSWER {
                member.offers_since = None;
                let is_linked = |peer: &Peer| peer.is_connected && peer.sid == Some(*sid);
                if self.peers.values().any(is_linked) || member.reported.is_some() {
                    continue;
                }
                member.reported = Some(sid.peer_id());
                actions.push_back(Action::Emit(CoreEvent::LinkFailed {
                    peer: sid.peer_id(),
                    reason: LinkFailure::NoAnswer,
                    attempt: 1,
                }));
            }
        }
    }

    pub(super) fn watch_peers(
        &mut self,
        now: Duration,
        step: Duration,
        actions: &mut Actions,
    ) -> bool {
        let mut lost = Vec::new();
        let mut doubt = false;
        let pending = self.links.values().filter(|link| link.is_pending());
        let linking: BTreeSet<_> = pending.filter_map(|link| link.claimed).collect();
        for (id, peer) in self
            .peers
            .iter_mut()
            .filter(|(_, peer)| peer.is_connected && (!peer.is_matchbox_client || peer.unlisted))
        {
            let timeout = if peer.is_matchbox_client {
                MATCHBOX_CLIENT_TIMEOUT
            } else {
                self.reconnect_timeout
            };
            match peer.liveness.tick(step, timeout) {
                Verdict::Same => {}
                Verdict::Silent if peer.is_matchbox_client => {}
                Verdict::Silent => {
                    doubt = true;
                    set_reconnecting(*id, peer, actions);
                }
                // An attempt with the peer is in progress, so it has not left, although the
                // server reported that it did.
                Verdict::Lost if linking.contains(id) && peer.liveness.end_probe(timeout) => {}
                Verdict::Lost => lost.push(*id),
            }
            if !peer.is_matchbox_client && peer.liveness.wants_ping(now) {
                ping(now, peer, actions);
            }
        }
        for id in lost {
            self.peer_left(id, DisconnectReason::Lost, actions);
        }
        doubt
    }

    /// Returns whether the local peer needs the server only for newcomers: it has links, all of them
    /// work, and no other negotiation is in progress.
    pub(crate) fn is_calm(&self) -> bool {
        let mut connected = self.connected().peekable();
        connected.peek().is_some()
            && connected.all(|(_, peer)| peer.is_working())
            && !self.links.values().any(Link::is_pending)
            && self.grouping == Grouping::Settled
    }

    /// Pings all peers at once after an event that may have broken every link.
    pub(crate) fn check_links(&mut self, now: Duration, actions: &mut Actions) {
        for peer in self.peers.values_mut() {
            if peer.is_connected && !peer.is_matchbox_client {
                peer.liveness.doubt();
                ping(now, peer, actions);
            }
        }
    }

    /// Ends all attempts, because their addresses belong to an earlier network.
    pub(crate) fn close_attempts(&mut self, actions: &mut Actions) {
        self.close_pending(|_| true, actions);
    }

    /// Replaces the links and attempts whose ICE servers the game has replaced, as far as they need
    /// the new ones: relayed links, and attempts that make no progress.
    pub(crate) fn ice_servers_changed(&mut self, now: Duration, actions: &mut Actions) {
        for link in self.links.values_mut() {
            link.has_old_servers = true;
        }
        // The next tick makes a new offer. If the peer made the offer, its next attempt uses the
        // new servers.
        self.close_pending(
            |link| link.offering && now.saturating_sub(link.since) >= STALLED,
            actions,
        );
    }

    /// Returns whether the link in use depends on a relay whose credentials the game has replaced.
    ///
    /// A TURN server accepts no other user name for an existing allocation (RFC 8656, section 5),
    /// and may end the allocation when the credentials expire. So only a new link helps. The path
    /// does not show which of the two peers needs the relay, so both replace the link.
    pub(super) fn has_expiring_relay(&self, peer: &Peer) -> bool {
        let link = peer.link.and_then(|link| self.links.get(&link));
        peer.is_connected
            && !peer.is_matchbox_client
            && peer.path == Path::Relayed
            && link.is_some_and(|link| link.has_old_servers)
    }

    /// Returns the members that get an offer now. First come the peers whose link failed and for
    /// which the local peer is the controller, and those whose link needs new ICE servers. Then
    /// come the members that the server assigned to the local peer and that have no link yet, in
    /// the order in which they joined.
    pub(super) fn due_offers(&self, now: Duration) -> Vec<SignalingId> {
        let named = self.members.iter().filter(|(sid, member)| {
            let linked = member.session.and_then(|session| self.peers.get(&session));
            let had_its_attempt = member.is_matchbox_client && member.attempts > 0;
            let is_disconnected = member
                .session
                .is_some_and(|session| self.disconnected.contains(&session));
            member.we_offer
                && !had_its_attempt
                && !is_disconnected
                && !member.is_refused
                && !self.disconnected_members.contains(sid)
                && linked.is_none_or(|peer| peer.links_opened == 0 || peer.has_left())
        });
        let failing = self.peers.iter().filter(|(id, peer)| {
            peer.links_opened > 0
                && !peer.is_matchbox_client
                && !peer.goodbye
                && !peer.is_healthy()
                && is_controller(self.local_id, **id)
        });
        let mut named: Vec<_> = named
            .map(|(sid, member)| (member.announced, *sid))
            .collect();
        named.sort_unstable();
        let expiring = self.peers.values().filter(|peer| {
            let member = peer.sid.and_then(|sid| self.members.get(&sid));
            peer.is_healthy()
                && member.is_none_or(|member| member.failures < MAX_RENEWALS)
                && self.has_expiring_relay(peer)
        });
        let mut sids: Vec<_> = failing.filter_map(|(_, peer)| peer.sid).collect();
        sids.extend(expiring.filter_map(|peer| peer.sid));
        sids.extend(named.into_iter().map(|(_, sid)| sid));
        sids.retain(|sid| {
            let is_ready = |member: &Member| now >= member.retry_at && !member.is_doubtful;
            self.members.get(sid).is_none_or(is_ready)
                && self.pending_with(*sid).is_none()
                && !self.is_ignored(*sid)
        });
        sids
    }
}
