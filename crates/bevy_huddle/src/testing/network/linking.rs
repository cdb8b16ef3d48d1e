//! Establishes, replaces and closes the links between players.

use std::time::Duration;

use huddle_mesh::{DisconnectReason, LinkStats, PeerId, RoomEvent};

use crate::testing::network::{
    connection::{LinkId, Pair},
    link::Message,
    state::{Member, Network, RETRY_DELAY, Task},
};

impl Network {
    pub(super) fn connect(&mut self, pair: Pair) {
        let can_meet = self.is_server_running && !self.blocked.contains(&pair);
        let are_here = [0, 1].map(|side| self.members.contains_key(&pair.member(side)));
        let Some(connection) = self.connections.get_mut(&pair) else {
            return;
        };
        if are_here != [true, true] || connection.has_ended {
            // A side that has not been notified yet loses the other one after its timeout.
            if !connection.endpoints.iter().any(|endpoint| endpoint.open) {
                self.connections.remove(&pair);
            }
        } else if !connection.links.is_empty() {
            // Another attempt has already linked them.
        } else if !can_meet {
            self.schedule(RETRY_DELAY, Task::Connect(pair));
        } else {
            connection.add_link();
            let link = connection.current_link(pair);
            let first = self.rng.usize(..2);
            let handshake = 4 * self.delay(pair, first);
            let behind = self.delay(pair, first);
            self.schedule(handshake, Task::Open(link, first));
            self.schedule(handshake + behind, Task::Open(link, 1 - first));
        }
    }

    pub(super) fn open(&mut self, id: LinkId, side: usize) {
        let LinkId { pair, .. } = id;
        let now = self.now;
        let is_blocked = self.blocked.contains(&pair);
        let is_here = self.members.contains_key(&pair.member(1 - side));
        let Some(connection) = self.connections.get_mut(&pair) else {
            return;
        };
        if connection.has_ended || !is_here || !connection.links.contains_key(&id.generation) {
            return;
        }
        if is_blocked {
            return self.end_link(pair);
        }
        let endpoint = &mut connection.endpoints[side];
        let rejoined = std::mem::replace(&mut endpoint.has_met, true);
        let is_replacement = std::mem::replace(&mut endpoint.open, true);
        endpoint.last_received = now;
        endpoint.has_received = false;
        endpoint.stats = LinkStats {
            links: endpoint.stats.links + 1,
            path: huddle_mesh::Path::Direct,
            ..LinkStats::default()
        };
        let (local_id, peer_id) = (pair.member(side), pair.member(1 - side));
        if is_replacement {
            self.set_reconnected(pair, side);
            self.report(local_id, RoomEvent::LinkReplaced(peer_id));
        } else {
            self.report(
                local_id,
                RoomEvent::PeerJoined {
                    peer_id,
                    rejoined,
                    is_matchbox_client: false,
                },
            );
        }
        let is_stopped = |member: &Member| member.stopped.is_some();
        if self.members.get(&pair.member(side)).is_some_and(is_stopped) {
            self.send_stopped(pair, side);
        }
    }

    /// Closes one side and sends a goodbye, which the other side reports as `reason`.
    pub(super) fn send_goodbye(&mut self, pair: Pair, side: usize, reason: DisconnectReason) {
        let Some(connection) = self.connections.get_mut(&pair) else {
            return;
        };
        connection.has_ended = true;
        if std::mem::replace(&mut connection.endpoints[side].open, false) {
            let link = connection.current_link(pair);
            self.transmit(link, side, Message::Goodbye(reason));
        }
    }

    /// Closes one side after the other one has sent a goodbye.
    pub(super) fn receive_goodbye(&mut self, pair: Pair, side: usize, reason: DisconnectReason) {
        if let Some(connection) = self.connections.get_mut(&pair) {
            connection.has_ended = true;
            connection.close(side);
            let peer_id = pair.member(1 - side);
            self.report(pair.member(side), RoomEvent::PeerLeft { peer_id, reason });
            self.reconnect_if_closed(pair);
        }
    }

    /// Closes one side because the other one is lost.
    pub(super) fn declare_lost(&mut self, pair: Pair, side: usize) {
        let Some(connection) = self
            .connections
            .get_mut(&pair)
            .filter(|it| it.endpoints[side].open)
        else {
            return;
        };
        connection.close(side);
        connection.links.clear();
        let (local_id, peer_id) = (pair.member(side), pair.member(1 - side));
        self.report(
            local_id,
            RoomEvent::PeerLeft {
                peer_id,
                reason: DisconnectReason::Lost,
            },
        );
        if !self.blocked.contains(&pair) && !self.is_lost(pair, side) {
            let delay = self.delay(pair, side);
            self.schedule(delay, Task::DetectClosedLink(pair, 1 - side));
        }
        self.schedule(RETRY_DELAY, Task::Connect(pair));
    }

    /// Ends the link of two players, as an error in the WebRTC library would. Packets in flight are
    /// lost. A new link is established once the network and the server allow it.
    fn end_link(&mut self, pair: Pair) {
        if let Some(connection) = self.connections.get_mut(&pair) {
            connection.links.clear();
            self.schedule(RETRY_DELAY, Task::Connect(pair));
            (0..2).for_each(|side| self.set_reconnecting(pair, side));
        }
    }

    /// Ends the link of two players. Returns whether there was one.
    pub(crate) fn break_link(&mut self, a: PeerId, b: PeerId) -> bool {
        let is_linked = self.is_linked(a, b) && self.is_linked(b, a);
        if is_linked {
            self.end_link(Pair::of(a, b));
        }
        is_linked
    }

    /// Schedules another attempt to link a pair once both sides have closed.
    fn reconnect_if_closed(&mut self, pair: Pair) {
        if let Some(connection) = self.connections.get_mut(&pair)
            && !connection.endpoints.iter().any(|endpoint| endpoint.open)
        {
            connection.links.clear();
            self.schedule(RETRY_DELAY, Task::Connect(pair));
        }
    }

    /// Replaces the link of two players and reports that to both. Packets in flight on the old link
    /// arrive within `overlap` or are lost. Returns whether there was a link to replace.
    pub(crate) fn replace_link(&mut self, a: PeerId, b: PeerId, overlap: Duration) -> bool {
        let pair = Pair::of(a, b);
        let Some(connection) = self.connections.get_mut(&pair) else {
            return false;
        };
        let is_open = connection.endpoints.iter().all(|endpoint| endpoint.open);
        if !is_open || !connection.has_link() {
            return false;
        }
        let old = connection.current_link(pair);
        connection.add_link();
        for endpoint in &mut connection.endpoints {
            endpoint.stats.links += 1;
            endpoint.last_received = self.now;
        }
        if overlap.is_zero() {
            connection.links.remove(&old.generation);
        } else {
            self.schedule(overlap, Task::RemoveLink(old));
        }
        (0..2).for_each(|side| self.set_reconnected(pair, side));
        self.report(a, RoomEvent::LinkReplaced(b));
        self.report(b, RoomEvent::LinkReplaced(a));
        true
    }
}
