use super::peer::SnapshotSession;
use crate::world::Index;

/// The number of entities that are examined per frame.
const PER_FRAME: usize = 64;

impl SnapshotSession {
    /// Removes some entities that were despawned, once no packet that is under way can refer to them. The
    /// world remembers that they are dead.
    ///
    /// Also removes entities of which only the id is known, once the links to the peers that named them are
    /// closed. They can come back.
    pub(super) fn clean_up(&mut self) {
        let count = self.world.places();
        for _ in 0..PER_FRAME.min(count) {
            self.cleaned = (self.cleaned + 1) % count;
            let Some(index) = self.world.place(self.cleaned) else {
                continue;
            };
            if self.is_over(index) {
                for link in self.links.values_mut() {
                    link.outgoing.forget(index);
                    link.incoming.forget(index);
                }
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
        !self.claiming.contains(&index)
            && !self.vacant.contains_key(&index)
            && links.all(|link| {
                // The owner can refer to the states of an entity that it only hides.
                let is_named = !is_dead && link.incoming.has_named(index);
                !is_named && link.outgoing.is_over(index) && link.incoming.is_over(index)
            })
    }
}
