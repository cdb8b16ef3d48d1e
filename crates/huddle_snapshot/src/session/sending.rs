//! What a session sends to its peers, and when.

#[cfg(test)]
mod tests;

use std::time::Duration;

use huddle_id::PeerId;

use super::{
    link::{Link, LinkReport},
    peer::SnapshotSession,
};
use crate::{
    budget::{BudgetOptions, LinkBudget},
    world::{Entity, Index},
};

impl SnapshotSession {
    /// Sets how much each link sends at most. Share the upload of the local peer between all links.
    pub fn set_budget_options(&mut self, options: BudgetOptions) {
        self.budget = options;
        for link in self.links.values_mut() {
            link.budget.set_options(options);
        }
    }

    /// Sets the number of ticks per second, from 1 to 1000. The default is 60.
    pub fn set_tick_rate(&mut self, ticks_per_second: f64) {
        if ticks_per_second.is_nan() {
            return;
        }
        self.ticks_per_second = ticks_per_second.clamp(1.0, 1000.0);
        for link in self.links.values_mut() {
            link.set_tick_rate(self.ticks_per_second);
        }
    }

    /// Handles the round-trip time of the link to a peer, which was measured at `now`. The budget of the
    /// link shrinks while it rises.
    pub fn observe_round_trip(&mut self, peer: PeerId, round_trip: Duration, now: Duration) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.budget.observe_round_trip(round_trip, now);
        }
    }

    /// Counts a packet without snapshots towards the budget of the link to a peer. `payload` is the
    /// length of its contents, in bytes.
    pub fn record_packet(&mut self, peer: PeerId, payload: usize) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.budget.record_packet(payload);
        }
    }

    /// Writes what a peer does not know yet, at most `space` bytes. `seq` is the number of the packet
    /// that will contain it, and `tick` the tick of the local peer. Returns `false`, and writes nothing,
    /// if there is nothing to send, or the budget lets the link send in a later tick.
    ///
    /// - Call this once per tick for each link. A link without changes costs no time, however many
    ///   entities there are.
    /// - `seq` must be higher than that of the last packet that was written for the link. Otherwise, the
    ///   session writes nothing.
    /// - Every entity fits into [`MIN_SPACE`](crate::MIN_SPACE) bytes. One that does not fit into less
    ///   waits until there is more, and [`link_stats`](Self::link_stats) counts it as backlog. The other
    ///   entities do not wait for it.
    pub fn write(
        &mut self,
        peer: PeerId,
        seq: u64,
        tick: u32,
        space: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        self.enqueue_changed();
        let link = self.links.get_mut(&peer);
        link.is_some_and(|link| link.write(&self.world, self.now, seq, tick, space, out))
    }

    /// Sends the changes that rate limits have delayed, and whose time has come.
    pub(super) fn release_withheld(&mut self) {
        for index in std::mem::take(&mut self.withholding) {
            let when = (self.now, phase(index));
            let entity = self.world.get_mut(index);
            let is_due = entity.is_some_and(|entity| entity.release(&self.layout, when));
            if is_due {
                self.publish(index);
            }
            if self.world.get(index).is_some_and(Entity::is_withholding) {
                self.withholding.insert(index);
            }
        }
    }

    /// Returns what the link to a peer sends, and how much it lags behind. The time that this takes
    /// depends on the number of entities that the peer does not have.
    pub fn link_stats(&self, peer: PeerId) -> Option<LinkReport> {
        let link = self.links.get(&peer)?;
        let mut report = link.report();
        let changed = self.changed.iter();
        report.backlog += changed.filter(|at| !link.outgoing.is_behind(**at)).count();
        Some(report)
    }

    /// Creates a link in the first free slot, so that the links send in different ticks.
    pub(super) fn new_link(&self, peer: PeerId) -> Link {
        let is_free = |slot: &u32| self.links.values().all(|link| link.budget.slot() != *slot);
        let slot = (0..).find(is_free).unwrap_or_default();
        let budget = LinkBudget::new(self.budget, self.ticks_per_second, slot);
        let mut link = Link::new(self.local, peer, &self.layout, budget, self.now);
        link.set_tick_rate(self.ticks_per_second);
        link
    }
}

/// Returns the phase of an entity, see [`RateLimit::is_eligible`](crate::budget::RateLimit::is_eligible).
pub(super) fn phase(index: Index) -> u32 {
    index.get() as u32
}
