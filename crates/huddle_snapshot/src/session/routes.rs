use std::collections::{BTreeMap, BTreeSet};

use huddle_id::PeerId;

/// The reported links of the other peers, and the relays that follow from them.
#[derive(Debug, Default)]
pub(super) struct Relays {
    /// The links of the linked peers that have reported any.
    pub(super) reports: BTreeMap<PeerId, BTreeSet<PeerId>>,
    /// The relay for each peer that has no link to the local peer.
    pub(super) sources: BTreeMap<PeerId, PeerId>,
    /// Whether the local peer is a relay.
    pub(super) is_relay: bool,
}

impl Relays {
    pub(super) fn get(&self, owner: PeerId) -> Option<PeerId> {
        self.sources.get(&owner).copied()
    }

    /// Returns whether two peers are linked, of which the local peer is linked with the second one.
    pub(super) fn is_linked(&self, relay: PeerId, owner: PeerId) -> bool {
        // The receiver decides by the report of the relay.
        match self.reports.get(&relay) {
            Some(links) => links.contains(&owner),
            None => self
                .reports
                .get(&owner)
                .is_some_and(|it| it.contains(&relay)),
        }
    }
}
