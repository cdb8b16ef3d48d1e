//! Detects silent peers and stopped games, with the same timeouts as `huddle_mesh`.

use std::time::Duration;

use huddle_mesh::{PeerId, RoomEvent, StopReason};

use crate::testing::network::{
    connection::Pair,
    link::Message,
    state::{LIVENESS_INTERVAL, Network, Task},
};

/// Silence after which a peer is reconnecting.
const RECONNECTING_AFTER: Duration = Duration::from_secs(1);
/// Time without a poll after which a game counts as busy.
const BUSY_AFTER: Duration = Duration::from_secs(1);
/// The shortest silence after which a peer is lost if nothing has arrived on a new link.
const LOST_AFTER_OPENING: Duration = Duration::from_secs(6);
/// Liveness checks per ping, for four pings per second.
const PING_EVERY: u64 = 5;

impl Network {
    /// Reports silent peers and busy games, and sends pings.
    pub(super) fn check_liveness(&mut self) {
        self.schedule(LIVENESS_INTERVAL, Task::CheckLiveness);
        self.liveness_checks += 1;
        let busy: Vec<_> = self
            .members
            .iter()
            .filter(|(_, member)| self.now.saturating_sub(member.last_poll) >= BUSY_AFTER)
            .map(|(&local_id, _)| local_id)
            .collect();
        for local_id in busy {
            self.set_stopped(local_id, Some(StopReason::Busy));
        }
        let pairs: Vec<_> = self.connections.keys().copied().collect();
        for (pair, side) in pairs.into_iter().flat_map(|pair| [(pair, 0), (pair, 1)]) {
            let Some(connection) = self.connections.get_mut(&pair) else {
                continue;
            };
            let link = connection.current_link(pair);
            let endpoint = &mut connection.endpoints[side];
            if !endpoint.open {
                continue;
            }
            let silence = self.now.saturating_sub(endpoint.last_received);
            let timeout = self
                .members
                .get(&pair.member(side))
                .map_or(Duration::ZERO, |member| member.reconnect_timeout);
            let limit = if endpoint.has_received {
                timeout
            } else {
                timeout.max(LOST_AFTER_OPENING)
            };
            if silence >= limit {
                self.declare_lost(pair, side);
                continue;
            }
            if silence >= RECONNECTING_AFTER {
                self.set_reconnecting(pair, side);
            }
            if self.liveness_checks.is_multiple_of(PING_EVERY) {
                self.transmit(link, side, Message::Ping(self.now));
            }
        }
    }

    /// Reports to the other players whether a player's game runs.
    pub(super) fn set_stopped(&mut self, local_id: PeerId, stopped: Option<StopReason>) {
        let Some(member) = self.members.get_mut(&local_id) else {
            return;
        };
        if std::mem::replace(&mut member.stopped, stopped) == stopped {
            return;
        }
        for pair in self.pairs_of(local_id) {
            self.send_stopped(pair, pair.side(local_id));
        }
    }

    /// Reports to the other side of an open link whether this side's game runs.
    pub(super) fn send_stopped(&mut self, pair: Pair, side: usize) {
        let stopped = self.members.get(&pair.member(side)).map(|m| m.stopped);
        if let Some(connection) = self.connections.get(&pair)
            && let Some(stopped) = stopped
            && connection.endpoints[side].open
        {
            self.transmit(
                connection.current_link(pair),
                side,
                Message::Stopped(stopped),
            );
        }
    }

    /// Reports once that a peer is reconnecting.
    pub(super) fn set_reconnecting(&mut self, pair: Pair, side: usize) {
        if let Some(connection) = self.connections.get_mut(&pair)
            && let endpoint = &mut connection.endpoints[side]
            && endpoint.open
            && !std::mem::replace(&mut endpoint.reconnecting, true)
        {
            let peer_id = pair.member(1 - side);
            self.report(pair.member(side), RoomEvent::PeerReconnecting(peer_id));
        }
    }

    /// Reports once that a reconnecting peer has a working link again.
    pub(super) fn set_reconnected(&mut self, pair: Pair, side: usize) {
        if let Some(connection) = self.connections.get_mut(&pair)
            && std::mem::take(&mut connection.endpoints[side].reconnecting)
        {
            let peer_id = pair.member(1 - side);
            self.report(pair.member(side), RoomEvent::PeerReconnected(peer_id));
        }
    }

    /// Records that a message arrived, so the sender is alive.
    pub(super) fn record_receipt(&mut self, pair: Pair, side: usize) {
        let Some(connection) = self.connections.get_mut(&pair) else {
            return;
        };
        let endpoint = &mut connection.endpoints[side];
        endpoint.last_received = self.now;
        endpoint.has_received = true;
        self.set_reconnected(pair, side);
    }

    /// Updates the round-trip time when a ping is answered, smoothed as in RFC 6298.
    pub(super) fn record_rtt(&mut self, pair: Pair, side: usize, sent: Duration) {
        let sample = self.now.saturating_sub(sent);
        if let Some(connection) = self.connections.get_mut(&pair) {
            let stats = &mut connection.endpoints[side].stats;
            stats.rtt = Some(stats.rtt.map_or(sample, |rtt| (rtt * 7 + sample) / 8));
            stats.rtt_min = Some(stats.rtt_min.map_or(sample, |min| min.min(sample)));
        }
    }
}
