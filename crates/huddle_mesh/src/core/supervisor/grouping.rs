//! The local peer's part in forming a group.

use super::*;
use crate::core::grouping::{Reports, Stage};

impl Supervisor {
    /// Handles the server's report of the group's progress. Returns `false` if no group is being
    /// formed.
    pub(crate) fn group_stage_changed(
        &mut self,
        now: Duration,
        stage: Stage,
        actions: &mut Actions,
    ) -> bool {
        match &mut self.grouping {
            Grouping::Settled => return false,
            Grouping::ByServer(reports) => reports.request(),
            Grouping::ByPeers(_) | Grouping::Lost => {
                // The local peer has a new place in the queue. Its old group continues without it.
                if !matches!(stage, Stage::Linked(_)) {
                    self.disconnect_all(now, actions);
                }
                let mut reports = Reports::default();
                reports.request();
                self.grouping = Grouping::ByServer(reports);
            }
        }
        if let Stage::Linked(_) = stage {
            self.grouping = Grouping::Settled;
        }
        true
    }

    /// Returns the report of the local peer's links that is due to the server.
    pub(crate) fn link_report(&mut self, now: Duration) -> Option<String> {
        let Grouping::ByServer(_) = &self.grouping else {
            return None;
        };
        let healthy = self.connected().filter(|(_, peer)| peer.is_healthy());
        let mut linked: Vec<_> = healthy.filter_map(|(_, peer)| peer.sid).collect();
        linked.sort_unstable();
        match &mut self.grouping {
            Grouping::ByServer(reports) => reports.due(now, linked),
            _ => None,
        }
    }

    /// Returns whether the server chooses the peers of the local peer's group.
    pub(super) fn is_grouped_by_server(&self) -> bool {
        matches!(self.grouping, Grouping::ByServer(_))
    }

    /// Disconnects the peer with this signaling id, which is no longer in the group.
    pub(super) fn disconnect_member(
        &mut self,
        now: Duration,
        sid: SignalingId,
        actions: &mut Actions,
    ) {
        let found = self.peers.iter().filter(|(_, peer)| peer.sid == Some(sid));
        let found: Vec<_> = found.map(|(id, _)| *id).collect();
        for id in found {
            self.disconnect_from_group(now, id, actions);
        }
    }

    fn disconnect_all(&mut self, now: Duration, actions: &mut Actions) {
        self.close_pending(|_| true, actions);
        let connected: Vec<_> = self.connected().map(|(id, _)| id).collect();
        for id in connected {
            self.disconnect_from_group(now, id, actions);
        }
    }

    /// Disconnects a peer of the group. The two peers may meet again in another group.
    fn disconnect_from_group(&mut self, now: Duration, id: PeerId, actions: &mut Actions) {
        self.dismiss(now, id, Goodbye::Leaving, DisconnectReason::Left, actions);
        match self.peers.get_mut(&id) {
            // A remembered stock client gets no second link, so this forgets it.
            Some(peer) if peer.is_matchbox_client => drop(self.peers.remove(&id)),
            Some(peer) => peer.sid = None,
            None => {}
        }
    }

    /// Chooses the room of a complete group, if the local peer has the lowest peer id of the group.
    pub(super) fn complete_group(&mut self, entropy: &mut Entropy, actions: &mut Actions) {
        let Grouping::ByPeers(size) = self.grouping else {
            return;
        };
        let complete = self.connected().count() + 1 == usize::from(size.get());
        let mine_to_choose = self
            .connected()
            .all(|(id, peer)| self.local_id < id && !peer.is_matchbox_client);
        if !complete || !mine_to_choose {
            return;
        }
        let room = entropy.uuid();
        for link in self.connected().filter_map(|(_, peer)| peer.link) {
            control(actions, link, Channel::Events, &Control::Group(room));
        }
        self.grouping = Grouping::Settled;
        self.group_room = Some(room);
    }

    /// Follows the peer with the lowest id to the room that it chose for the group.
    pub(super) fn follow_group(&mut self, from: PeerId, room: Uuid) {
        let lowest = self.connected().next().map(|(id, _)| id);
        let by_peers = matches!(self.grouping, Grouping::ByPeers(_));
        if by_peers && lowest == Some(from) && from < self.local_id {
            self.grouping = Grouping::Settled;
            self.group_room = Some(room);
        }
    }
}
