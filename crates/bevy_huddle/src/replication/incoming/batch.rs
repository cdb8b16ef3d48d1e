//! The changes of a frame, in the order in which they are applied.

use std::collections::BTreeMap;

use huddle_snapshot::{ComponentSet, RemovalReason, SnapshotEvent, SnapshotSession, id::EntityId};

/// The changes that the session has reported since the last frame. Several changes of a component are
/// one.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Batch {
    pub(crate) removed: Vec<(EntityId, RemovalReason)>,
    /// The new entities, and the ticks of their values.
    pub(crate) spawned: BTreeMap<EntityId, u32>,
    pub(crate) changed: BTreeMap<EntityId, Change>,
    /// The events about ownership.
    pub(super) ownership: Vec<SnapshotEvent>,
}

/// The components of an entity that have changed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Change {
    /// The tick of the newest value.
    pub(super) tick: u32,
    pub(crate) changed: ComponentSet,
    pub(crate) removed: ComponentSet,
}

impl Batch {
    /// Takes all events of a session.
    pub(super) fn take(session: &mut SnapshotSession) -> Self {
        let mut batch = Self::default();
        while let Some(event) = session.poll() {
            batch.add(event);
        }
        batch
    }

    fn add(&mut self, event: SnapshotEvent) {
        match event {
            SnapshotEvent::Spawned { id, tick } => {
                self.changed.remove(&id);
                self.spawned.insert(id, tick);
            }
            // The values of a new entity are those that the session has now.
            SnapshotEvent::Changed { id, .. } if self.spawned.contains_key(&id) => {}
            SnapshotEvent::Changed {
                id,
                tick,
                changed,
                removed,
            } => {
                let change = self.changed.entry(id).or_default();
                change.tick = tick;
                change.changed = change.changed.without(removed).union(changed);
                change.removed = change.removed.without(changed).union(removed);
            }
            SnapshotEvent::Removed { id, reason } => {
                self.changed.remove(&id);
                self.spawned.remove(&id);
                self.removed.push((id, reason));
            }
            event => self.ownership.push(event),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.removed.is_empty()
            && self.spawned.is_empty()
            && self.changed.is_empty()
            && self.ownership.is_empty()
    }
}
