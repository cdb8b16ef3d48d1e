//! A player in a queue.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use matchbox_protocol::PeerId;

/// Numbers clients in the order of arrival; never used twice.
pub(crate) type Ticket = u64;

/// Players remembered who could not link with one. The oldest is forgotten first.
const MAX_AVOIDED: usize = 64;

/// How often a player is asked for its links, and how long anything may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// Between two questions.
    pub(crate) ask_every: Duration,
    /// A player who says nothing for this long has stopped.
    pub(crate) silence: Duration,
    /// A full group must be linked after this long.
    pub(crate) link: Duration,
}

#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) peer: PeerId,
    /// It asked for extensions: it receives news of its group, reports its links, and can be moved.
    pub(crate) extends: bool,
    /// The group it is in.
    pub(crate) group: u64,
    /// How many full groups it has been in without a link to anybody, though others did their part.
    pub(crate) strikes: u32,
    /// With whom it was in a full group and had no link in time.
    avoided: VecDeque<Ticket>,
    /// The members of its group to whom it reports a link.
    pub(crate) linked: BTreeSet<Ticket>,
    /// The members of its group to whom it has sent a signal.
    pub(crate) signaled: BTreeSet<Ticket>,
    /// When it last said anything.
    pub(crate) heard: Duration,
    /// When it was last told of its group.
    pub(crate) told: Duration,
}

impl Player {
    pub(crate) fn new(peer: PeerId, extends: bool, group: u64, now: Duration) -> Self {
        Self {
            peer,
            extends,
            group,
            strikes: 0,
            avoided: VecDeque::new(),
            linked: BTreeSet::new(),
            signaled: BTreeSet::new(),
            heard: now,
            told: now,
        }
    }

    /// `other` is no longer in its group.
    pub(crate) fn forget(&mut self, other: Ticket) {
        self.linked.remove(&other);
        self.signaled.remove(&other);
    }

    pub(crate) fn avoid(&mut self, other: Ticket) {
        if self.avoided.contains(&other) {
            return;
        }
        if self.avoided.len() == MAX_AVOIDED {
            self.avoided.pop_front();
        }
        self.avoided.push_back(other);
    }

    pub(crate) fn avoids(&self, other: Ticket) -> bool {
        self.avoided.contains(&other)
    }
}
