use super::SnapshotSession;
use crate::world::Index;

/// The number of entities that are examined per frame.
const PER_FRAME: usize = 64;

impl SnapshotSession {
    /// Removes some entities that were despawned, once no packet that is under way can refer to them. The
    /// world remembers that they are dead.
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
        let is_dead = self
            .world
            .get(index)
            .is_some_and(|entity| entity.register().is_dead());
        let mut links = self.links.values();
        is_dead
            && !self.claiming.contains(&index)
            && !self.vacant.iter().any(|(vacant, _)| *vacant == index)
            && links.all(|link| link.outgoing.is_over(index) && link.incoming.is_over(index))
    }
}
