//! Two players and the successive links between them.

use std::{collections::BTreeMap, time::Duration};

use huddle_mesh::{LinkStats, PeerId};

use crate::testing::network::link::Link;

/// Two players, the lower id first. A player's index in the pair is its *side*, 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair([PeerId; 2]);

/// Identifies one of the successive links of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinkId {
    pub(super) pair: Pair,
    pub(super) generation: u32,
}

/// The state of two players in the same room.
#[derive(Default)]
pub(super) struct Connection {
    pub(super) endpoints: [Endpoint; 2],
    /// Links by generation. A replaced link stays until its packets have arrived.
    pub(super) links: BTreeMap<u32, Link>,
    /// The generation of the current link.
    pub(super) generation: u32,
    /// Whether one of the players has left or disconnected the other.
    pub(super) has_ended: bool,
}

/// A connection as one of its players sees it.
#[derive(Default)]
pub(super) struct Endpoint {
    pub(super) open: bool,
    /// Whether the players have been linked before.
    pub(super) has_met: bool,
    /// The time at which the last message arrived.
    pub(super) last_received: Duration,
    /// Whether any message has arrived on the current link.
    pub(super) has_received: bool,
    pub(super) reconnecting: bool,
    pub(super) stats: LinkStats,
}

impl Pair {
    pub(super) fn of(a: PeerId, b: PeerId) -> Self {
        Self([a.min(b), a.max(b)])
    }

    pub(super) fn side(self, member: PeerId) -> usize {
        usize::from(self.0[1] == member)
    }

    pub(super) fn member(self, side: usize) -> PeerId {
        self.0[side]
    }

    pub(super) fn contains(self, member: PeerId) -> bool {
        self.0.contains(&member)
    }
}

impl Connection {
    pub(super) fn current_link(&self, pair: Pair) -> LinkId {
        LinkId {
            pair,
            generation: self.generation,
        }
    }

    /// Closes one side. Its lost messages are not retransmitted.
    pub(super) fn close(&mut self, side: usize) {
        self.endpoints[side].open = false;
        self.endpoints[side].reconnecting = false;
        for link in self.links.values_mut() {
            link.directions[side].abandoned = true;
        }
    }

    /// Returns whether the players have a link, even if one side has not been notified yet.
    pub(super) fn has_link(&self) -> bool {
        self.links.contains_key(&self.generation)
    }

    pub(super) fn add_link(&mut self) {
        self.generation += 1;
        self.links.insert(self.generation, Link::default());
    }
}
