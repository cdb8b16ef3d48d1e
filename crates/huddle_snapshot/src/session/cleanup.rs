use std::time::Duration;

use super::peer::SnapshotSession;
use crate::{
    link::MAX_ENTITIES,
    world::{Entity, Index},
};

/// The minimum number of places that are examined per frame.
const PER_FRAME: usize = 64;

/// The maximum number of frames until each place has been examined, if there are very many.
const ROUND: usize = 256;

/// The time for which the session remembers the owner of an entity that it does not see, and of which no
/// linked peer has shown anything. It is longer than peers take to return, and than heirs wait.
const UNUSED_TIME: Duration = Duration::from_secs(60);

/// The number of such entities beyond which the session forgets them at once. A hostile peer that joins
/// again and again, each time with another id, could fill the memory otherwise.
const MAX_UNUSED: usize = MAX_ENTITIES;

impl SnapshotSession {
    /// Removes some entities that were despawned, once no packet that is under way can refer to them. The
    /// world remembers that they are dead.
    ///
    /// Also removes entities of which only the id is known, once the links to the peers that named them are
    /// closed. They can come back. The same applies to [unused](Self::is_unused) entities after a while.
    pub(super) fn clean_up(&mut self) {
        let count = self.world.places();
        for _ in 0..PER_FRAME.max(count / ROUND).min(count) {
            self.cleaned = (self.cleaned + 1) % count;
            let Some(index) = self.world.place(self.cleaned) else {
                continue;
            };
            if self.is_over(index) || self.has_long_been_unused(index) {
                for link in self.links.values_mut() {
                    link.outgoing.forget(index);
                    link.incoming.forget(index);
                }
                self.set_unused(index, false);
                self.world.leave(index);
            }
        }
    }

    fn is_over(&self, index: Index) -> bool {
        let Some(entity) = self.world.get(index) else {
            return false;
        };
        let is_dead = entity.register().is_dead();
        if !is_dead && !entity.is_untouched() {
            return false;
        }
        let mut links = self.links.values();
        !self.is_waiting(index)
            && links.all(|link| {
                // The owner can refer to the states of an entity that it only hides.
                let is_named = !is_dead && link.incoming.has_named(index);
                !is_named && link.outgoing.is_over(index) && link.incoming.is_over(index)
            })
    }

    /// Returns whether the local peer does something about an entity at the moment.
    fn is_waiting(&self, index: Index) -> bool {
        self.claiming.contains(&index)
            || self.vacant.contains_key(&index)
            || self.withheld_gifts.contains_key(&index)
    }

    /// Returns whether an entity has been unused for long, and remembers since when it is.
    fn has_long_been_unused(&mut self, index: Index) -> bool {
        let is_unused = self.is_unused(index);
        let since = self.set_unused(index, is_unused);
        let is_long = |since| self.unused > MAX_UNUSED || self.now >= since + UNUSED_TIME;
        since.is_some_and(is_long)
    }

    /// Returns whether the local peer only knows who owns an entity.
    ///
    /// Every peer remembers the owner, so that an earlier claim does not win when a peer returns. It can
    /// learn of the owner again: a peer that sends an earlier claim receives the later one from those that
    /// know it.
    fn is_unused(&self, index: Index) -> bool {
        let is_unseen = |entity: &Entity| entity.values.is_none() && !entity.register().is_dead();
        let mut links = self.links.values();
        self.world.get(index).is_some_and(is_unseen)
            && !self.is_waiting(index)
            && links.all(|link| {
                // The peer can refer to what it has shown.
                let is_shown = link.incoming.has_shown(index);
                !is_shown && link.outgoing.is_idle(index) && link.incoming.is_over(index)
            })
    }

    /// Sets whether an entity is unused. Returns since when it is.
    fn set_unused(&mut self, index: Index, is_unused: bool) -> Option<Duration> {
        let entity = self.world.get_mut(index)?;
        match (is_unused, entity.unused_since) {
            (true, None) => {
                self.unused += 1;
                entity.unused_since = Some(self.now);
            }
            (false, Some(_)) => {
                self.unused -= 1;
                entity.unused_since = None;
            }
            _ => {}
        }
        entity.unused_since
    }
}
