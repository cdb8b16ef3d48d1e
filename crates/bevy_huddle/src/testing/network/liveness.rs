//! Who is heard: the verdicts of `huddle_mesh` after the same times.

use std::time::Duration;

use huddle_mesh::{PeerId, RoomEvent, StopReason};

use crate::testing::network::{
    relation::Pair,
    state::{BEAT, Network, Step},
    wire::Cargo,
};

/// Silence after which a peer is unresponsive.
const UNRESPONSIVE_AFTER: Duration = Duration::from_secs(1);
/// Silence after which a peer is lost.
const LOST_AFTER: Duration = Duration::from_secs(3);
/// Time without a poll after which a game counts as busy.
const BUSY_AFTER: Duration = Duration::from_secs(1);
/// Silence on a new link after which a peer is lost that has not been heard on it at all.
const LOST_AFTER_OPENING: Duration = Duration::from_secs(6);
/// Beats between two pings: four a second.
const PING_EVERY: u64 = 5;

impl Network {
    pub(super) fn beat(&mut self) {
        self.plan(BEAT, Step::Beat);
        self.beats += 1;
        let busy: Vec<_> = self
            .members
            .iter()
            .filter(|(_, member)| self.now.saturating_sub(member.polled) >= BUSY_AFTER)
            .map(|(&local_id, _)| local_id)
            .collect();
        for local_id in busy {
            self.set_stopped(local_id, Some(StopReason::Busy));
        }
        let pairs: Vec<_> = self.relations.keys().copied().collect();
        for (pair, side) in pairs.into_iter().flat_map(|pair| [(pair, 0), (pair, 1)]) {
            let Some(relation) = self.relations.get_mut(&pair) else {
                continue;
            };
            let link = relation.current_link(pair);
            let end = &mut relation.ends[side];
            if !end.open {
                continue;
            }
            let silence = self.now.saturating_sub(end.heard);
            let limit = if end.has_heard {
                LOST_AFTER
            } else {
                LOST_AFTER_OPENING
            };
            if silence >= limit {
                self.give_up(pair, side);
                continue;
            }
            if silence >= UNRESPONSIVE_AFTER && !std::mem::replace(&mut end.unresponsive, true) {
                let peer = pair.member(1 - side);
                self.report(pair.member(side), RoomEvent::PeerUnresponsive(peer));
            }
            if self.beats.is_multiple_of(PING_EVERY) {
                self.launch(link, side, Cargo::Ping(self.now));
            }
        }
    }

    /// Tells the other players whether a player's game runs.
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

    /// Tells the other side of an open link whether this side's game runs.
    pub(super) fn send_stopped(&mut self, pair: Pair, side: usize) {
        let stopped = self.members.get(&pair.member(side)).map(|m| m.stopped);
        if let Some(relation) = self.relations.get(&pair)
            && let Some(stopped) = stopped
            && relation.ends[side].open
        {
            self.launch(relation.current_link(pair), side, Cargo::Stopped(stopped));
        }
    }

    /// Something arrived, so the sender is alive.
    pub(super) fn heard(&mut self, pair: Pair, side: usize) {
        let Some(relation) = self.relations.get_mut(&pair) else {
            return;
        };
        let end = &mut relation.ends[side];
        end.heard = self.now;
        end.has_heard = true;
        if std::mem::take(&mut end.unresponsive) {
            let peer = pair.member(1 - side);
            self.report(pair.member(side), RoomEvent::PeerRecovered(peer));
        }
    }

    /// A ping was answered; smoothed as in RFC 6298.
    pub(super) fn measured(&mut self, pair: Pair, side: usize, sent: Duration) {
        let sample = self.now.saturating_sub(sent);
        if let Some(relation) = self.relations.get_mut(&pair) {
            let stats = &mut relation.ends[side].stats;
            stats.rtt = Some(stats.rtt.map_or(sample, |rtt| (rtt * 7 + sample) / 8));
            stats.rtt_min = Some(stats.rtt_min.map_or(sample, |min| min.min(sample)));
        }
    }
}
