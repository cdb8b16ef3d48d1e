//! A player in a `?next=N` queue.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use matchbox_protocol::PeerId;

/// The number of a client, in the order of arrival. The server never reuses one.
pub(crate) type Ticket = u64;

/// The maximum number of avoided players per player. A new one replaces the oldest.
const MAX_AVOIDED: usize = 64;

/// The interval and timeouts of a queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// The interval at which the queue requests a player's links.
    pub(crate) request_interval: Duration,
    /// The time without a message after which a player counts as stopped.
    pub(crate) silence_timeout: Duration,
    /// The maximum time until all members of a full group are linked.
    pub(crate) link_timeout: Duration,
}

#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) peer: PeerId,
    /// Whether the client has extensions. Such a player receives the stage of its group and
    /// reports its links, and the queue can move it to another group.
    pub(crate) has_extensions: bool,
    pub(crate) group: u64,
    /// The number of full groups in which the player linked with no member in time, although at
    /// least one member did its part of the negotiation.
    pub(crate) strikes: u32,
    /// The players that were in a full group with this player and did not link with it in time.
    avoided: VecDeque<Ticket>,
    /// The members of the group that the player reports a link to.
    pub(crate) linked: BTreeSet<Ticket>,
    /// The members of the group that the player has sent a signal to.
    pub(crate) signaled: BTreeSet<Ticket>,
    /// The time of the player's last message.
    pub(crate) last_message: Duration,
    /// The time when the queue last sent the player the stage of its group.
    pub(crate) last_request: Duration,
}

impl Player {
    pub(crate) fn new(peer: PeerId, has_extensions: bool, group: u64, now: Duration) -> Self {
        Self {
            peer,
            has_extensions,
            group,
            strikes: 0,
            avoided: VecDeque::new(),
            linked: BTreeSet::new(),
            signaled: BTreeSet::new(),
            last_message: now,
            last_request: now,
        }
    }

    /// Removes `other`, which is no longer in the player's group.
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
