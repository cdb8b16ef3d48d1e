//! Two players and the links that they have had.

use std::{collections::BTreeMap, time::Duration};

use huddle_mesh::{LinkStats, PeerId};

use crate::testing::network::wire::Link;

/// Two players, the lower id first; what belongs to one of them is at its *side*, 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair([PeerId; 2]);

/// One of the links that a pair has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinkId {
    pub(super) pair: Pair,
    pub(super) generation: u32,
}

#[derive(Default)]
pub(super) struct Relation {
    pub(super) ends: [End; 2],
    /// By generation; more than one while something is still on the way on a replaced one.
    pub(super) links: BTreeMap<u32, Link>,
    /// Of the link in use.
    pub(super) generation: u32,
    /// One of them said goodbye.
    pub(super) over: bool,
}

/// A pair as one of the two sees it.
#[derive(Default)]
pub(super) struct End {
    pub(super) open: bool,
    pub(super) met: bool,
    pub(super) heard: Duration,
    /// Whether the other side was heard on this link at all.
    pub(super) has_heard: bool,
    pub(super) unresponsive: bool,
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

    pub(super) fn has(self, member: PeerId) -> bool {
        self.0.contains(&member)
    }
}

impl Relation {
    pub(super) fn current_link(&self, pair: Pair) -> LinkId {
        LinkId {
            pair,
            generation: self.generation,
        }
    }

    /// One side is closed, and nothing of it is sent again.
    pub(super) fn close(&mut self, side: usize) {
        self.ends[side].open = false;
        self.ends[side].unresponsive = false;
        for link in self.links.values_mut() {
            link.ways[side].abandoned = true;
        }
    }

    pub(super) fn add_link(&mut self) {
        self.generation += 1;
        self.links.insert(self.generation, Link::default());
    }
}
