//! Gifts whose values the local peer does not receive.

use std::time::Duration;

use huddle_id::PeerId;

use super::peer::SnapshotSession;
use crate::world::{Entity, Index};

/// The time that the giver of an entity has to deliver its values, while another peer has them and may not
/// pass them on.
const GIFT_TIMEOUT: Duration = Duration::from_secs(2);

/// A peer that has the values of a gift to the local peer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    peer: PeerId,
    since: Duration,
}

impl SnapshotSession {
    /// Notices that a peer has the values of a gift to the local peer, but may not pass them on.
    pub(super) fn notice_withheld_gift(&mut self, index: Index, peer: PeerId) {
        if self.world.get(index).is_some_and(is_missing) {
            let since = self.now;
            let holder = Holder { peer, since };
            self.withheld_gifts.entry(index).or_insert(holder);
        }
    }

    /// Gives an entity to a peer that has its values, if they have not arrived here. Otherwise nobody could
    /// use it after its giver has left.
    pub(super) fn poll_withheld_gifts(&mut self) {
        let now = self.now;
        for (index, holder) in std::mem::take(&mut self.withheld_gifts) {
            if !self.world.get(index).is_some_and(is_missing)
                || !self.links.contains_key(&holder.peer)
            {
                continue;
            }
            if now < holder.since + GIFT_TIMEOUT {
                self.withheld_gifts.insert(index, holder);
            } else {
                self.operate(index, |ownership| {
                    ownership.give(holder.peer).unwrap_or_default()
                });
            }
        }
    }
}

fn is_missing(entity: &Entity) -> bool {
    entity.ownership.is_mine() && entity.is_gift() && entity.values.is_none()
}
