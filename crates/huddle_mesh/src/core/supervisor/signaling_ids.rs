//! Tracks the signaling ids of linked peers.

use super::*;

impl Supervisor {
    /// Sends the local peer's signaling id and peer id to a peer with a new signaling id. The peer
    /// has connected to the server again, so it may have lost them.
    fn introduce(&self, id: PeerId, actions: &mut Actions) {
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        if let (Some(link), Some(local_sid)) = (peer.link, self.local_sid) {
            let message = Control::SignalingId(local_sid);
            control(actions, link, Channel::Events, &message);
        }
        self.send_id_to(peer, actions);
    }

    /// Handles a peer's report of its own signaling id. The report is about this peer alone, and
    /// proves nothing about the member that the server lists under that id.
    pub(super) fn set_signaling_id(
        &mut self,
        now: Duration,
        id: PeerId,
        sid: SignalingId,
        actions: &mut Actions,
    ) {
        if Some(sid) == self.local_sid {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            let is_new = peer.sid.replace(sid) != Some(sid);
            if is_new {
                peer.unlisted = false;
                if peer.take_introduction(now) {
                    self.introduce(id, actions);
                }
            } else {
                // The peer still has the connection that it had before the interruption.
                self.server_is_up |= self.interrupted.is_some();
            }
        }
        self.recognize(id, sid);
        self.resolve_link_failure(sid, actions);
        if let Some(member) = self.members.get_mut(&sid) {
            member.failures = 0;
        }
    }

    /// Returns whether this new member may be a linked peer that connects to the server again.
    pub(super) fn may_be_linked(&self, sid: SignalingId) -> bool {
        self.peers.values().any(|peer| {
            peer.is_working()
                && !peer.is_matchbox_client
                && peer.sid.is_none_or(|known| known == sid)
        })
    }

    /// Sends the local peer's id to a linked peer, over the server. So the peer learns that the new
    /// member is the local peer, and that it needs no offer.
    pub(super) fn send_id_to(&self, peer: &Peer, actions: &mut Actions) {
        let Some(sid) = peer.sid.filter(|_| self.local_sid.is_some()) else {
            return;
        };
        // A peer that joined later makes no offer.
        let came_later = self.members.get(&sid).is_some_and(|m| m.we_offer);
        if peer.is_working() && !came_later {
            let signal = Signal::Linked(self.local_id);
            actions.push_back(Action::SocketSend(signal::request(sid, &signal)));
        }
    }

    /// Records that a member is a linked peer, once two claims prove it: the member names the peer
    /// over the server, and the peer names the member on its link. A single claim could be forged,
    /// to keep another member from getting a link.
    pub(super) fn recognize(&mut self, id: PeerId, sid: SignalingId) {
        let is_there = |peer: &Peer| peer.sid == Some(sid) && peer.is_working();
        if self.peers.get(&id).is_some_and(is_there)
            && let Some(member) = self.members.get_mut(&sid)
            && member.linked_as == Some(id)
        {
            member.session = Some(id);
        }
    }
}
