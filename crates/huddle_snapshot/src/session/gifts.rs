//! Gifts whose values the local peer does not receive.

use std::{collections::BTreeSet, time::Duration};

use huddle_id::PeerId;

use super::{holders::Holders, peer::SnapshotSession};
use crate::world::{Entity, Index};

/// The time that the giver of an entity has to deliver its values, while another peer has them and may not
/// pass them on.
const GIFT_TIMEOUT: Duration = Duration::from_secs(2);

impl SnapshotSession {
    /// Notices that a peer has the values of a gift to the local peer, but may not pass them on.
    pub(super) fn notice_withheld_gift(&mut self, index: Index, peer: PeerId) {
        if self.world.get(index).is_some_and(is_missing) {
            let since = self.now;
            let gift = self.withheld_gifts.entry(index);
            let gift = gift.or_insert_with(|| Holders {
                peers: BTreeSet::new(),
                since,
            });
            gift.peers.insert(peer);
        }
    }

    /// Gives an entity to a peer that has its values, if they have not arrived here. Otherwise nobody could
    /// use it after its giver has left.
    pub(super) fn poll_withheld_gifts(&mut self) {
        for (index, gift) in std::mem::take(&mut self.withheld_gifts) {
            let mut holders = gift.peers.iter();
            let holder = holders.find(|peer| self.links.contains_key(peer)).copied();
            let is_missing = self.world.get(index).is_some_and(is_missing);
            let Some(holder) = holder.filter(|_| is_missing) else {
                continue;
            };
            if self.now < gift.since + GIFT_TIMEOUT {
                self.withheld_gifts.insert(index, gift);
            } else {
                self.operate(index, |ownership| {
                    ownership.give(holder).unwrap_or_default()
                });
            }
        }
    }
}

fn is_missing(entity: &Entity) -> bool {
    entity.ownership.is_mine() && entity.is_gift() && entity.values.is_none()
}
