//! Handles the events of links until they are in use.

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
                    Ok(mine) if mine.fingerprint != self.fingerprint => {
                        log::error!("this platform did not use the certificate it was given");
                        self.failed(now, id, "another certificate", entropy, actions);
                    }
                    Ok(mut mine) => {
                        link.local_ufrag = Some(mine.ufrag.clone());
                        if self.relay_only {
                            mine.candidates.retain(|c| c.kind == CandidateKind::Relay);
                        }
                        link.has_local_address |= mine.has_address();
                        mine.tag = (!link.is_matchbox_client).then_some(Tag {
                            attempt: link.attempt,
                            proof: self.proof,
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
                // After the signaling connection was lost, the local peer has another signaling id.
                // The other peer has no description from that id to which a candidate could belong.
                let hidden = self.relay_only && candidate.kind != CandidateKind::Relay;
                if hidden || !link.is_signaled {
                    return;
                }
                link.has_local_address |= candidate.is_reachable();
                let ufrag = link.local_ufrag.clone();
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
            LinkInput::NoPath => {
                link.has_no_path = true;
                self.failed(now, id, "no path was found", entropy, actions);
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
        let early = std::mem::take(&mut link.early);
        match link.claimed {
            None if link.is_matchbox_client => {
                let sid = link.sid;
                self.activate(now, id, sid.peer_id(), entropy, actions);
            }
            None => self.failed(now, id, "it opened without a description", entropy, actions),
            Some(claimed) => {
                link.phase = Phase::Open;
                let message = if is_controller(self.local_id, claimed) {
                    Control::Use
                } else {
                    Control::Ready
                };
                control(actions, id, Channel::Events, &message);
            }
        }
        for (channel, bytes) in early {
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
            (Phase::Open, Some(Some(message))) => self.confirm(now, id, &message, entropy, actions),
            (Phase::Open, Some(None)) => {
                self.refuse(now, id, ProtocolViolation::Control, entropy, actions);
            }
            (Phase::Active(peer) | Phase::Draining(peer, _), control) => {
                let peer = *peer;
                self.packet_received(peer, bytes.len(), actions);
                match control {
                    None => actions.push_back(Action::Emit(CoreEvent::Packet {
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
            (Phase::Opening | Phase::Open, _) => {
                if !link.keep(channel, bytes) {
                    self.refuse(
                        now,
                        id,
                        ProtocolViolation::TooManyEarlyPackets,
                        entropy,
                        actions,
                    );
                }
            }
            (Phase::Closing(_), _) => {}
        }
    }

    /// Ends an attempt in which the other peer violated the protocol.
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

    pub(super) fn packet_received(&mut self, id: PeerId, len: usize, actions: &mut Actions) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.traffic.packets_received += 1;
        peer.traffic.bytes_received += len as u64;
        peer.liveness.packet_received();
        // A packet on a replaced link does not show that a working link exists.
        set_reconnected(id, peer, actions);
    }

    /// Uses an open link once both peers know that it is open at the other end.
    ///
    /// Each peer sends one message when the link opens at its end. That message may be lost if the
    /// link is not open yet at the other end. So each peer also answers the first message that it
    /// receives.
    fn confirm(
        &mut self,
        now: Duration,
        id: LinkId,
        message: &Control,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let Some(claimed) = self.links.get(&id).and_then(|link| link.claimed) else {
            return;
        };
        let is_controller = is_controller(self.local_id, claimed);
        let answer = match message {
            Control::Ready if is_controller => Control::Use,
            Control::Use if !is_controller => Control::Ready,
            Control::Ready | Control::Use => {
                return self.refuse(now, id, ProtocolViolation::Control, entropy, actions);
            }
            Control::Bye(_) => {
                return self.failed(now, id, "the peer left", entropy, actions);
            }
            _ => return,
        };
        control(actions, id, Channel::Events, &answer);
        self.activate(now, id, claimed, entropy, actions);
    }
}
