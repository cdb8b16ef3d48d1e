//! Handles signaling messages: members, offers, answers and candidates.

use super::*;

impl Supervisor {
    pub(crate) fn server_message(
        &mut self,
        now: Duration,
        message: ServerMessage,
        actions: &mut Actions,
    ) {
        match message {
            ServerMessage::KeepAlive
            | ServerMessage::Group(_)
            | ServerMessage::IceServers(_)
            | ServerMessage::Room(_) => {}
            // A connection gets one id. Later ids must not spread to the other peers.
            ServerMessage::IdAssigned(_) if self.local_sid.is_some() => {
                self.server_violation(now, ProtocolViolation::SecondId, actions);
            }
            ServerMessage::IdAssigned(sid) if self.interrupted == Some(sid) => {
                self.signaling_resumed(now, sid, actions);
            }
            ServerMessage::IdAssigned(sid) => {
                self.local_sid = Some(sid);
                for peer in self
                    .peers
                    .values()
                    .filter(|peer| peer.is_connected && !peer.is_matchbox_client)
                {
                    if let Some(link) = peer.link {
                        control(actions, link, Channel::Events, &Control::SignalingId(sid));
                        self.send_id_to(peer, actions);
                    }
                }
            }
            ServerMessage::NewPeer(sid) => self.member_joined(now, sid, actions),
            ServerMessage::PeerLeft(sid) => self.member_left(now, sid, actions),
            ServerMessage::Members(sids) => self.members_listed(now, sids),
            ServerMessage::Session(session) => {
                if let Some(members) = session.members {
                    self.update_members(now, members, actions);
                }
            }
            ServerMessage::Doubtful(sid) => self.member_doubted(now, sid, actions),
            ServerMessage::Resumed(sid) => self.member_resumed(now, sid, actions),
            ServerMessage::Nothing(sid) => {
                self.admits(now, sid, false, actions);
            }
            ServerMessage::Signal(sid, signal) => self.signal(now, sid, signal, actions),
        }
    }

    fn signal(
        &mut self,
        now: Duration,
        sid: SignalingId,
        signal: Result<Signal, ProtocolViolation>,
        actions: &mut Actions,
    ) {
        let is_description = !matches!(signal, Ok(Signal::Candidate { .. }));
        if !self.admits(now, sid, is_description, actions) {
            return;
        }
        match signal {
            Err(violation) => {
                self.record_violation(now, ViolationSource::Member(sid), violation, actions)
            }
            Ok(Signal::Offer(offer)) => self.offered(now, sid, offer, actions),
            Ok(Signal::Answer(answer)) => self.answered(now, sid, answer, actions),
            Ok(Signal::Candidate { candidate, ufrag }) => {
                self.candidate(now, sid, candidate, ufrag, actions);
            }
            Ok(Signal::Linked(id)) => {
                if let Some(member) = self.member(sid) {
                    member.linked_as = Some(id);
                    self.recognize(id, sid);
                }
            }
        }
    }

    pub(super) fn offer(&mut self, now: Duration, sid: SignalingId, actions: &mut Actions) {
        // Without a connection to the server, the offer would be lost. Its candidates would be sent
        // later, under a signaling id from which the peer has no offer.
        if self.is_busy() || self.is_ignored(sid) || self.local_sid.is_none() {
            return;
        }
        let replaces = self.peers.iter().find_map(|(id, peer)| {
            let is_it = peer.sid == Some(sid)
                && peer.links_opened > 0
                && (!peer.is_healthy() || self.has_expiring_relay(peer));
            is_it.then_some(*id)
        });
        let Some(member) = self.member(sid) else {
            return;
        };
        let is_first = member.attempts == 0 && replaces.is_none();
        if is_first && !self.first_offers.take(now, 1) {
            self.has_waiting_offers = true;
            return;
        }
        let Some(member) = self.members.get_mut(&sid) else {
            return;
        };
        member.attempts += 1;
        // A peer that is already linked, perhaps under another signaling id, answers a first offer
        // on the existing link. An offer that replaces a link must not be answered there, so it
        // never counts as a first one.
        if replaces.is_some() {
            member.attempts = member.attempts.max(2);
        }
        let attempt = member.attempts;
        let timeout = self.offer_timeout(sid);
        let link = self.begin(now, sid, true, attempt, timeout);
        if let Some(begun) = self.links.get_mut(&link) {
            begun.replaces = replaces;
        }
        actions.push_back(Action::OpenLink { link, offer: None });
    }

    /// Returns the time within which a link that begins with an offer to a member must open.
    ///
    /// For a new peer, the time grows from attempt to attempt, because nothing is known about the
    /// network path. For a peer that was linked before, it depends on the time that the last link
    /// took to open: an attempt that began while no packets got through does not recover, and only
    /// a new attempt helps.
    fn offer_timeout(&self, sid: SignalingId) -> Duration {
        let failures = self.members.get(&sid).map_or(0, |member| member.failures);
        let known = self.peers.values().find(|peer| peer.sid == Some(sid));
        match known {
            Some(peer) if peer.links_opened > 0 => {
                (peer.opening * OPENING_MARGIN).clamp(ATTEMPT_TIMEOUTS[0], LONGEST_ATTEMPT)
            }
            _ => ATTEMPT_TIMEOUTS[(failures as usize).min(ATTEMPT_TIMEOUTS.len() - 1)],
        }
    }

    /// Returns whether the maximum number of attempts is in progress.
    pub(super) fn is_busy(&self) -> bool {
        self.links.values().filter(|link| link.is_pending()).count() >= MAX_PENDING
    }

    pub(super) fn begin(
        &mut self,
        now: Duration,
        sid: SignalingId,
        offering: bool,
        attempt: u32,
        timeout: Duration,
    ) -> LinkId {
        let id = LinkId(self.next_link);
        self.next_link += 1;
        let link = Link {
            sid,
            offering,
            replaces: None,
            attempt,
            since: now,
            timeout,
            reported: None,
            is_matchbox_client: false,
            claimed: None,
            local_ufrag: None,
            remote_ufrag: None,
            is_signaled: true,
            renew_at: None,
            has_old_servers: false,
            candidates: 0,
            has_local_address: false,
            has_no_path: false,
            has_remote_address: false,
            early: Vec::new(),
            phase: Phase::Opening,
        };
        self.links.insert(id, link);
        id
    }

    pub(super) fn pending_with(&self, sid: SignalingId) -> Option<(LinkId, &Link)> {
        self.links
            .iter()
            .rfind(|(_, link)| link.sid == sid && link.is_pending())
            .map(|(id, link)| (*id, link))
    }

    pub(super) fn offered(
        &mut self,
        now: Duration,
        sid: SignalingId,
        offer: Description,
        actions: &mut Actions,
    ) {
        let (local_id, tag, claimed) = (self.local_id, offer.tag, offer.peer_id());
        let Some(member) = self.member(sid) else {
            return;
        };
        member.has_offered = true;
        if !self.accepts_description(now, sid, &offer, actions) || self.is_busy() {
            log::debug!("ignoring an offer of {sid}");
            return;
        }
        let Some(member) = self.members.get_mut(&sid) else {
            return;
        };
        // A stock client gets one attempt.
        if tag.is_none() && member.is_matchbox_client {
            return;
        }
        if member.offers.is_none() && !self.first_answers.take(now, 1) {
            log::debug!("ignoring an offer of {sid}: too many members make offers");
            return;
        }
        let offers = member
            .offers
            .get_or_insert_with(|| Bucket::new(OFFER_BURST, OFFERS_PER_SECOND, now));
        if !offers.take(now, 1) {
            return;
        }
        member.is_matchbox_client = tag.is_none();
        member.session = claimed;

        if let (Some(tag), Some(claimed)) = (tag, claimed) {
            let linked = self.peers.get(&claimed).filter(|peer| peer.is_working());
            if let (1, Some(link)) = (tag.attempt, linked.and_then(|peer| peer.link)) {
                // The member is a peer that is already linked, under a new signaling id. The answer
                // goes over the existing link. The ICE username fragment proves that the offer
                // arrived here, because no other member can know it.
                control(actions, link, Channel::Events, &Control::Claim(offer.ufrag));
                return;
            }
        }
        let attempt = tag.map_or(1, |tag| tag.attempt);
        if let Some((pending, link)) = self.pending_with(sid) {
            let (offering, older) = (link.offering, link.attempt < attempt);
            let mine_goes_first =
                offering && claimed.is_none_or(|other| is_controller(local_id, other));
            if mine_goes_first || (!offering && !older) {
                return;
            }
            self.close(pending, actions);
            if !offering && let Some(member) = self.members.get_mut(&sid) {
                member.failures = member.failures.saturating_add(1);
            }
        }
        let id = self.begin(now, sid, false, attempt, LONGEST_ATTEMPT);
        if let Some(link) = self.links.get_mut(&id) {
            link.set_remote(&offer);
        }
        actions.push_back(Action::OpenLink {
            link: id,
            offer: Some(untagged(offer).to_sdp()),
        });
    }

    pub(super) fn answered(
        &mut self,
        now: Duration,
        sid: SignalingId,
        answer: Description,
        actions: &mut Actions,
    ) {
        let source = ViolationSource::Member(sid);
        let member = self.members.get(&sid);
        if member.is_none_or(|m| m.attempts == 0 && !m.was_interrupted) && !self.is_crowded(sid) {
            return self.record_violation(
                now,
                source,
                ProtocolViolation::UnexpectedAnswer,
                actions,
            );
        }
        if !self.accepts_description(now, sid, &answer, actions) {
            log::debug!("ignoring an answer of {sid}");
            return;
        }
        let Some((id, link)) = self.pending_with(sid) else {
            // The answer is too late for its attempt. But it shows that the peer answers again, so
            // the next attempt starts without waiting.
            if let Some(member) = self.members.get_mut(&sid) {
                member.retry_at = now;
            }
            return;
        };
        let expected = link.offering
            && link.remote_ufrag.is_none()
            && link.attempt == answer.tag.map_or(1, |tag| tag.attempt);
        if !expected {
            log::debug!("ignoring an answer of {sid} that fits no offer");
            return;
        }
        if let Some(link) = self.links.get_mut(&id) {
            link.set_remote(&answer);
        }
        if let Some(member) = self.members.get_mut(&sid) {
            member.is_matchbox_client = answer.tag.is_none();
            member.session = answer.peer_id();
        }
        actions.push_back(Action::Answer {
            link: id,
            sdp: untagged(answer).to_sdp(),
        });
    }

    pub(super) fn candidate(
        &mut self,
        now: Duration,
        sid: SignalingId,
        candidate: Candidate,
        ufrag: Option<String>,
        actions: &mut Actions,
    ) {
        // After a negotiation, candidates of an earlier attempt may arrive at any time.
        let negotiates =
            |member: &Member| member.has_offered || member.attempts > 0 || member.was_interrupted;
        if !self.members.get(&sid).is_some_and(negotiates) && !self.is_crowded(sid) {
            let source = ViolationSource::Member(sid);
            return self.record_violation(
                now,
                source,
                ProtocolViolation::UnexpectedCandidate,
                actions,
            );
        }
        let found = self.links.iter_mut().rfind(|(_, link)| {
            link.sid == sid
                && link
                    .remote_ufrag
                    .as_ref()
                    .is_some_and(|remote| ufrag.as_ref().is_none_or(|ufrag| ufrag == remote))
        });
        let Some((id, link)) = found else { return };
        let limit = match candidate.kind {
            CandidateKind::Relay => MAX_CANDIDATES,
            _ => MAX_CANDIDATES - RESERVED_FOR_RELAYS,
        };
        if link.candidates >= limit {
            return;
        }
        link.candidates += 1;
        link.has_remote_address |= candidate.is_reachable();
        actions.push_back(Action::Candidate {
            link: *id,
            candidate: candidate.to_string(),
        });
    }
}
