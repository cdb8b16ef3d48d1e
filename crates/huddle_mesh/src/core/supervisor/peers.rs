//! Chooses the link that is used with a peer, and handles the control messages on it.

use super::*;

impl Supervisor {
    /// Makes `id` the link that is used with `peer_id`.
    pub(super) fn activate(
        &mut self,
        now: Duration,
        id: LinkId,
        peer_id: PeerId,
        entropy: &mut Entropy,
        actions: &mut Actions,
    ) {
        let known = self.peers.get(&peer_id);
        let newcomer = known.is_none_or(|peer| !peer.is_connected);
        let crowded = newcomer && self.connected().count() >= MAX_CONNECTED;
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if self.disconnected.contains(&peer_id)
            || crowded
            || known.is_some_and(|p| {
                p.is_matchbox_client != link.is_matchbox_client && p.links_opened > 0
            })
        {
            return self.close(id, actions);
        }
        link.phase = Phase::Active(peer_id);
        let early = std::mem::take(&mut link.early);
        let (sid, is_matchbox_client) = (link.sid, link.is_matchbox_client);
        let stopped = self.stopped;
        let took = now.saturating_sub(link.since);
        self.resolve_link_failure(sid, actions);
        // Closes the offers to an earlier signaling id of the peer, which the server still lists.
        self.close_pending(
            |link| link.replaces == Some(peer_id) && link.remote_ufrag.is_none(),
            actions,
        );
        self.make_room_for(peer_id);
        let peer = self.peers.entry(peer_id).or_default();
        let replaced = peer.link.replace(id);
        peer.is_matchbox_client = is_matchbox_client;
        peer.unlisted = false;
        peer.sid = Some(sid);
        peer.goodbye = false;
        peer.liveness = Liveness::default();
        peer.path = Path::Unknown;
        peer.links_opened += 1;
        peer.opening = took;
        let is_first = peer.links_opened == 1;
        if !std::mem::replace(&mut peer.is_connected, true) {
            let rejoined = peer.links_opened > 1;
            peer.traffic = Default::default();
            peer.stopped = None;
            peer.is_reconnecting = false;
            actions.push_back(Action::Emit(CoreEvent::Joined {
                peer: peer_id,
                rejoined,
                is_matchbox_client,
            }));
        } else {
            set_reconnected(peer_id, peer, actions);
            actions.push_back(Action::Emit(CoreEvent::Replaced(peer_id)));
        }
        if let Some(member) = self.members.get_mut(&sid) {
            member.failures = 0;
        }
        if let Some(old) = replaced.and_then(|old| self.links.get_mut(&old)) {
            old.phase = Phase::Draining(peer_id, now + DRAIN);
        }
        if let (Some(local_sid), false) = (self.local_sid, is_matchbox_client) {
            control(
                actions,
                id,
                Channel::Events,
                &Control::SignalingId(local_sid),
            );
        }
        // An earlier link may have lost the last report.
        if !is_matchbox_client && (stopped.is_some() || !is_first) {
            control(actions, id, Channel::Events, &Control::Stopped(stopped));
        }
        for (channel, bytes) in early {
            self.packet_received(peer_id, bytes.len(), actions);
            actions.push_back(Action::Emit(CoreEvent::Packet {
                peer: peer_id,
                channel,
                bytes,
            }));
        }
        self.complete_group(entropy, actions);
    }

    /// Forgets a lost peer if there is no room to remember `id`.
    fn make_room_for(&mut self, id: PeerId) {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&id) {
            let gone = self.peers.iter().find(|(_, peer)| !peer.is_connected);
            if let Some(gone) = gone.map(|(id, _)| *id) {
                self.peers.remove(&gone);
            }
        }
    }

    pub(super) fn control(
        &mut self,
        now: Duration,
        id: LinkId,
        from: PeerId,
        message: Control,
        actions: &mut Actions,
    ) {
        match message {
            Control::Ping(ping) => {
                let Some(peer) = self.peers.get_mut(&from) else {
                    return;
                };
                let last = peer.last_pong.replace(now);
                if last.is_none_or(|at| now.saturating_sub(at) >= PONG_SPACING) {
                    control(actions, id, Channel::State, &Control::Pong(ping));
                } else {
                    peer.last_pong = last;
                }
            }
            Control::Pong(ping) => {
                if let Some(peer) = self.peers.get_mut(&from) {
                    peer.liveness.pong(now, ping);
                }
            }
            Control::SignalingId(sid) => self.set_signaling_id(now, from, sid, actions),
            Control::Claim(ufrag) => {
                let claimed = self.links.iter().find(|(_, link)| {
                    link.offering && link.is_pending() && link.local_ufrag.as_ref() == Some(&ufrag)
                });
                let Some((pending, sid)) = claimed.map(|(id, link)| (*id, link.sid)) else {
                    return;
                };
                self.close(pending, actions);
                // Only the peer that received the offer has its ICE username fragment.
                if let Some(member) = self.members.get_mut(&sid) {
                    member.session = Some(from);
                }
                self.set_signaling_id(now, from, sid, actions);
                if let Some(local_sid) = self.local_sid {
                    control(
                        actions,
                        id,
                        Channel::Events,
                        &Control::SignalingId(local_sid),
                    );
                }
            }
            Control::Bye(why) => {
                let reason = match why {
                    Goodbye::Leaving => DisconnectReason::Left,
                    Goodbye::Disconnected => DisconnectReason::DisconnectedByPeer,
                };
                if let Some(peer) = self.peers.get_mut(&from) {
                    peer.goodbye = true;
                }
                self.peer_left(from, reason, actions);
            }
            Control::Group(room) => self.follow_group(from, room),
            Control::Stopped(stopped) => {
                if let Some(peer) = self.peers.get_mut(&from) {
                    peer.stopped = stopped;
                }
            }
            // The answer to a message that was lost the first time.
            Control::Ready | Control::Use => {}
        }
    }

    /// Returns whether peers are connected.
    pub(crate) fn has_peers(&self) -> bool {
        self.connected().next().is_some()
    }

    pub(super) fn connected(&self) -> impl Iterator<Item = (PeerId, &Peer)> {
        self.peers
            .iter()
            .filter(|(_, peer)| peer.is_connected)
            .map(|(id, peer)| (*id, peer))
    }
}
