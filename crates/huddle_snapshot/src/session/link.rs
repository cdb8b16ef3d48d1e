//! One link of a session.

use std::{sync::Arc, time::Duration};

use huddle_id::PeerId;

use crate::{
    budget::{LinkBudget, SendRate},
    layout::Layout,
    link::{Incoming, Outgoing, Space},
    world::World,
};

/// What a session exchanges with one peer.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) outgoing: Outgoing,
    pub(super) incoming: Incoming,
    pub(super) opened: Duration,
    pub(super) budget: LinkBudget,
}

/// What a link sends, and how much it lags behind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkReport {
    /// The budget in bytes per second, including [`PACKET_OVERHEAD`](crate::budget::PACKET_OVERHEAD).
    pub bytes_per_second: f64,
    /// The bytes that the link has sent, with the same overhead.
    pub bytes_sent: u64,
    /// The highest rate at which the link sends.
    pub send_rate: SendRate,
    /// The time for which packets wait in a queue of the link.
    pub queueing_delay: Duration,
    /// The number of entities of which the peer may not know everything.
    pub backlog: usize,
    /// The age of the oldest value that the peer may not have.
    pub staleness: Duration,
}

impl Link {
    pub(super) fn new(
        local: PeerId,
        peer: PeerId,
        layout: &Arc<Layout>,
        budget: LinkBudget,
        now: Duration,
    ) -> Self {
        Self {
            outgoing: Outgoing::new(local, peer, Arc::clone(layout)),
            incoming: Incoming::new(peer, local, Arc::clone(layout)),
            budget,
            opened: now,
        }
    }

    pub(super) fn set_tick_rate(&mut self, ticks_per_second: f64) {
        self.outgoing.set_tick_rate(ticks_per_second);
        self.budget.set_tick_rate(ticks_per_second);
    }

    pub(super) fn report(&self) -> LinkReport {
        let (backlog, staleness) = self.outgoing.backlog();
        LinkReport {
            bytes_per_second: self.budget.bytes_per_second(),
            bytes_sent: self.budget.bytes_sent(),
            send_rate: self.budget.rate(),
            queueing_delay: self.budget.queueing_delay(),
            backlog,
            staleness,
        }
    }

    /// Writes packet `seq`, if the budget lets the link send in this tick and there is anything to send.
    pub(super) fn write(
        &mut self,
        world: &World,
        now: Duration,
        seq: u64,
        tick: u32,
        space: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        self.budget.set_clock(now);
        let now = self.outgoing.start_tick(tick);
        if !self.outgoing.start_packet(seq) {
            debug_assert!(false, "packet {seq} is not newer than the one before");
            return false;
        }
        let is_waiting = self.outgoing.is_waiting();
        let Some(payload) = self.budget.start_tick(tick, now, is_waiting) else {
            return false;
        };
        let space = Space {
            wanted: payload.min(space),
            most: space.min(self.budget.max_payload()),
        };
        let start = out.len();
        let has_written = self.outgoing.write(world, seq, tick, space, out);
        if has_written {
            self.budget.record_packet(out.len() - start);
        }
        has_written
    }
}
