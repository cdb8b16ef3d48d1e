//! Delays received entities and changes until their large values are here.

use std::collections::BTreeSet;

use huddle_snapshot::{ComponentSet, SnapshotSession, id::EntityId};

use crate::{replication::incoming::batch::Batch, room::large::LargeValues};

/// Removes what has to wait for large values from a batch, and adds what has waited for those that have
/// arrived.
pub(crate) fn filter(large: &mut LargeValues, session: &mut SnapshotSession, batch: &mut Batch) {
    if large.components.is_empty() {
        return;
    }
    for (id, _) in &batch.removed {
        large.incomplete.remove(id);
        large.contents.remove_entity(*id);
    }
    let is_large = |set: ComponentSet| set.without(large.components) != set;
    let changed = batch.changed.iter().filter(|(id, change)| {
        is_large(change.changed) || is_large(change.removed) || large.incomplete.contains_key(id)
    });
    let changed = changed.map(|(id, _)| id);
    let mut received: BTreeSet<_> = batch.spawned.keys().chain(changed).copied().collect();
    for id in &received {
        large.expect(session, *id);
    }
    for change in batch.changed.values_mut() {
        // A large value changes when its content arrives.
        change.changed = change.changed.without(large.components);
    }
    for key in large.contents.take_arrived() {
        received.insert(key.entity);
        let change = batch.changed.entry(key.entity).or_default();
        change.changed.insert(key.component);
        change.removed.remove(key.component);
    }
    for id in received {
        delay(large, session, batch, id);
    }
    let changed = &mut batch.changed;
    changed.retain(|_, change| !change.changed.is_empty() || !change.removed.is_empty());
}

/// Delays a new entity until it is whole.
fn delay(large: &mut LargeValues, session: &mut SnapshotSession, batch: &mut Batch, id: EntityId) {
    let tick = batch.spawned.remove(&id);
    let Some(tick) = tick.or_else(|| large.incomplete.get(&id).copied()) else {
        return;
    };
    // A new entity appears with its current values.
    batch.changed.remove(&id);
    let is_whole = large.is_whole(session, id);
    session.set_incomplete(id, !is_whole);
    match is_whole {
        true => {
            large.incomplete.remove(&id);
            batch.spawned.insert(id, tick);
        }
        false => {
            large.incomplete.insert(id, tick);
        }
    }
}
