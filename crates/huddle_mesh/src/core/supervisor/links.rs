//! What links report, up to the proof of who is at the other end.

use super::*;

impl Supervisor {
    pub(crate) fn link_input(
        &mut self,
        now: Duration,
        id: LinkId,
        input: LinkInput,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        match input {
            LinkInput::Described(sdp) => {
                let kind = if link.offering {
                    SdpKind::Offer
                } else {
                    SdpKind::Answer
                };
                match Description::parse(kind, &sdp) {
                    Ok(mut mine) => {
                        link.mine = Some(SideKey::from(&mine));
                        if self.relay_only {
                            mine.candidates.retain(|c| c.kind == CandidateKind::Relay);
                        }
                        mine.tag = (!link.is_matchbox_client).then_some(Tag {
                            attempt: link.attempt,
                            session: self.local_id,
                        });
                        let signal = match kind {
                            SdpKind::Offer => Signal::Offer(mine),
                            SdpKind::Answer => Signal::Answer(mine),
                        };
                        actions.push_back(Action::SocketSend(signal::request(link.sid, &signal)));
                    }
                    Err(error) => {
                        log::error!("this platform's own description cannot be used: {error}");
                        self.failed(now, id, "no usable description", entropy, actions);
                    }
                }
            }
            LinkInput::Candidate(text) => {
                let Ok(candidate) = text.parse::<Candidate>() else {
                    return;
                };
                // Where the other side is found now, this link means nothing.
                let hidden = self.relay_only && candidate.kind != CandidateKind::Relay;
                if hidden || !link.is_signaled {
                    return;
                }
                let ufrag = link.mine.as_ref().map(|mine| mine.ufrag.clone());
                let signal = Signal::Candidate { candidate, ufrag };
                actions.push_back(Action::SocketSend(signal::request(link.sid, &signal)));
            }
            LinkInput::Opened => self.opened(now, id, entropy, actions),
            LinkInput::Message(channel, bytes) => {
                self.message(now, id, channel, bytes, entropy, actions);
            }
            LinkInput::ProtocolViolation(violation) => {
                self.record_violation_on_link(now, id, violation, actions)
            }
            LinkInput::Path(path) => {
                if let Phase::Active(peer) = link.phase
                    && let Some(peer) = self.peers.get_mut(&peer)
                {
                    peer.path = path;
                }
            }
            LinkInput::Closed(why) => self.failed(now, id, &why, entropy, actions),
        }
    }

    pub(super) fn opened(
        &mut self,
        now: Duration,
        id: LinkId,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if !matches!(link.phase, Phase::Opening) {
            return;
        }
        let unopened = std::mem::take(&mut link.unopened);
        match link.claimed {
            None if link.is_matchbox_client => {
                let sid = link.sid;
                self.activate(now, id, sid.matchbox_peer(), entropy, actions);
            }
            None => self.failed(now, id, "it opened without a description", entropy, actions),
            Some(claimed) => {
                let knows = self.peers.get(&claimed).map(|peer| peer.secret.knows());
                let hello = Hello {
                    session: self.local_id,
                    nonce: entropy.bytes(),
                    share: entropy.bytes(),
                    knows: knows.unwrap_or(Secret::Nothing.knows()),
                };
                link.phase = Phase::Introducing(Box::new(Introduction::new(hello)));
                control(actions, id, Channel::Events, &Control::Hello(hello));
            }
        }
        for (channel, bytes) in unopened {
            self.message(now, id, channel, bytes, entropy, actions);
        }
    }

    pub(super) fn message(
        &mut self,
        now: Duration,
        id: LinkId,
        channel: Channel,
        bytes: Bytes,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if bytes.len() > MAX_MESSAGE_LEN {
            return self.record_violation_on_link(
                now,
                id,
                ProtocolViolation::TooLong(bytes.len()),
                actions,
            );
        }
        let control = (!link.is_matchbox_client && bytes.first() == Some(&RESERVED_BYTE))
            .then(|| Control::decode(&bytes));
        match (&mut link.phase, control) {
            (Phase::Introducing(_), Some(Some(message))) => {
                self.introduce(now, id, &message, entropy, actions);
            }
            (Phase::Introducing(introduction), None) => {
                if !introduction.keep(channel, bytes) {
                    self.refuse(now, id, ProtocolViolation::TooEarly, entropy, actions);
                }
            }
            (Phase::Introducing(_), Some(None)) => {
                self.refuse(now, id, ProtocolViolation::Control, entropy, actions);
            }
            (Phase::Active(peer) | Phase::Draining(peer, _), control) => {
                let peer = *peer;
                self.heard(peer, bytes.len(), actions);
                match control {
                    None => actions.push_back(Action::Tell(Told::Packet {
                        peer,
                        channel,
                        bytes,
                    })),
                    Some(Some(message)) => self.control(now, id, peer, message, actions),
                    Some(None) => {
                        self.record_violation_on_link(now, id, ProtocolViolation::Control, actions)
                    }
                }
            }
            (Phase::Opening, _) => {
                if !link.keep(channel, bytes) {
                    self.refuse(now, id, ProtocolViolation::TooEarly, entropy, actions);
                }
            }
            (Phase::Closing(_), _) => {}
        }
    }

    /// Ends an attempt in which the other side broke the rules.
    pub(super) fn refuse(
        &mut self,
        now: Duration,
        id: LinkId,
        violation: ProtocolViolation,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let why = violation.to_string();
        self.record_violation_on_link(now, id, violation, actions);
        self.failed(now, id, &why, entropy, actions);
    }

    pub(super) fn heard(&mut self, id: PeerId, len: usize, actions: &mut Actions) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.traffic.packets_received += 1;
        peer.traffic.bytes_received += len as u64;
        // They talk on the link that was chosen, so they know the secret that goes with it.
        if let Secret::Unconfirmed(secret) = peer.secret {
            peer.secret = Secret::Established(secret);
        }
        if peer.liveness.heard() && !peer.is_matchbox_client {
            actions.push_back(Action::Tell(Told::Recovered(id)));
        }
    }

    pub(super) fn introduce(
        &mut self,
        now: Duration,
        id: LinkId,
        message: &Control,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let (Phase::Introducing(introduction), Some(claimed), Some(mine), Some(theirs)) =
            (&mut link.phase, link.claimed, &link.mine, &link.theirs)
        else {
            return;
        };
        if let Control::Bye(_) = message {
            return self.failed(now, id, "it said goodbye", entropy, actions);
        }
        let nothing = Secret::Nothing;
        let known = self
            .peers
            .get(&claimed)
            .map_or(&nothing, |peer| &peer.secret);
        let step = introduction.receive(
            message,
            claimed,
            known,
            &mine.fingerprint,
            &theirs.fingerprint,
        );
        match step {
            Step::Wait => {}
            Step::Refuse(why) => {
                self.refuse(
                    now,
                    id,
                    ProtocolViolation::Introduction(why),
                    entropy,
                    actions,
                );
            }
            Step::Prove { hello, proof } => {
                control(actions, id, Channel::Events, &Control::Hello(hello));
                control(actions, id, Channel::Events, &Control::Proof(proof));
            }
            Step::Proven { secret } if is_controller(self.local_id, claimed) => {
                control(actions, id, Channel::Events, &Control::Use);
                self.remember(claimed, Secret::Unconfirmed(secret));
                self.activate(now, id, claimed, entropy, actions);
            }
            Step::Proven { .. } => {}
            Step::Use { .. } if is_controller(self.local_id, claimed) => {
                let why = "it decided what was not its to decide";
                self.refuse(
                    now,
                    id,
                    ProtocolViolation::Introduction(why),
                    entropy,
                    actions,
                );
            }
            Step::Use { secret } => {
                self.remember(claimed, Secret::Established(secret));
                self.activate(now, id, claimed, entropy, actions);
            }
        }
    }

    /// Keeps the secret of a pair that has just proven it to each other; an established one is
    /// only replaced by itself.
    pub(super) fn remember(&mut self, id: PeerId, secret: Secret) {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&id) {
            let gone = self.peers.iter().find(|(_, peer)| !peer.here);
            if let Some(gone) = gone.map(|(id, _)| *id) {
                self.peers.remove(&gone);
            }
        }
        let peer = self.peers.entry(id).or_default();
        if !matches!(peer.secret, Secret::Established(_)) {
            peer.secret = secret;
        }
    }
}
