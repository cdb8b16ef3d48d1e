use std::time::Duration;

use huddle_id::PeerId;
use huddle_snapshot::id::EntityId;

use crate::body::Body;

pub(super) const PEERS: usize = 8;

/// An entity that peers claim again and again.
pub(super) struct Ball {
    pub(super) id: EntityId,
    pub(super) body: Body,
    /// The peers that claim the ball in their next tick.
    claimants: Vec<usize>,
    /// The time of the first claim.
    claimed: Option<Duration>,
    /// The owner at each peer, and since when.
    owners: [(Option<PeerId>, Duration); PEERS],
}

impl Ball {
    pub(super) fn new(id: EntityId, body: Body) -> Self {
        Self {
            id,
            body,
            claimants: Vec::new(),
            claimed: None,
            owners: [(None, Duration::ZERO); PEERS],
        }
    }

    /// Returns the owner, as the first peer knows it.
    pub(super) fn owner(&self) -> Option<PeerId> {
        self.owners[0].0
    }

    /// Starts a claim of these peers.
    pub(super) fn start_claim(&mut self, claimants: Vec<usize>) {
        (self.claimants, self.claimed) = (claimants, None);
    }

    /// Returns whether a peer has to claim the ball now.
    pub(super) fn is_due(&mut self, peer: usize, now: Duration) -> bool {
        let count = self.claimants.len();
        self.claimants.retain(|claimant| *claimant != peer);
        let is_due = self.claimants.len() < count;
        if is_due {
            self.claimed.get_or_insert(now);
        }
        is_due
    }

    /// Handles that the ball has this owner at a peer.
    pub(super) fn observe(&mut self, peer: usize, owner: Option<PeerId>, now: Duration) {
        if owner != self.owners[peer].0 {
            self.owners[peer] = (owner, now);
        }
    }

    /// Returns the time from the claim until the last peer got the owner that it has now. Returns `None` if
    /// peers disagree.
    pub(super) fn agreement(&self) -> Option<Duration> {
        let agree = self.owners.iter().all(|it| it.0 == self.owner());
        let last = self.owners.iter().map(|it| it.1).max()?;
        agree.then_some(last.saturating_sub(self.claimed?))
    }
}
