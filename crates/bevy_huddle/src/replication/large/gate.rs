//! Delays received entities and changes until their large values are here.

use std::collections::BTreeSet;

use huddle_snapshot::{SnapshotSession, id::EntityId};

use super::LargeValues;
use crate::replication::incoming::batch::Batch;

impl LargeValues {
    /// Removes what has to wait for large values from a batch, and adds what has waited for those that have
    /// arrived.
    pub(in crate::replication) fn filter(
        &mut self,
        session: &mut SnapshotSession,
        batch: &mut Batch,
    ) {
        if self.components.is_empty() {
            return;
        }
        for (id, _) in &batch.removed {
            self.incomplete.remove(id);
            self.contents.remove_entity(*id);
        }
        let received = batch.spawned.keys().chain(batch.changed.keys());
        let mut received: BTreeSet<_> = received.copied().collect();
        for id in &received {
            self.expect(session, *id);
        }
        for change in batch.changed.values_mut() {
            // A large value changes when its content arrives.
            change.changed = change.changed.without(self.components);
        }
        for key in self.contents.take_arrived() {
            received.insert(key.entity);
            let change = batch.changed.entry(key.entity).or_default();
            change.changed.insert(key.component);
            change.removed.remove(key.component);
        }
        for id in received {
            self.delay(session, batch, id);
        }
        batch
            .changed
            .retain(|_, change| !change.changed.is_empty() || !change.removed.is_empty());
    }

    /// Delays a new entity until it is whole.
    fn delay(&mut self, session: &mut SnapshotSession, batch: &mut Batch, id: EntityId) {
        let tick = batch.spawned.remove(&id);
        let Some(tick) = tick.or_else(|| self.incomplete.get(&id).copied()) else {
            return;
        };
        // A new entity appears with its current values.
        batch.changed.remove(&id);
        let is_whole = self.is_whole(session, id);
        session.set_incomplete(id, !is_whole);
        match is_whole {
            true => {
                self.incomplete.remove(&id);
                batch.spawned.insert(id, tick);
            }
            false => {
                self.incomplete.insert(id, tick);
            }
        }
    }
}
