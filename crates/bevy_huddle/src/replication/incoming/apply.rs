//! Applies what the session has received to the world.

use std::collections::BTreeSet;

use bevy::prelude::*;
use huddle_snapshot::{SnapshotEvent, id::EntityId};

use super::{
    batch::{Batch, Change},
    ownership, remove, spawn,
};
use crate::{
    replication::{large::gate::filter, received::Received, resolve::resolve_references},
    room::{components::Rooms, link::RoomLink},
};

/// Applies the received entities of all rooms: first those that are gone, then new ones, then changes,
/// and the ownership last.
pub(crate) fn apply(world: &mut World, mut rooms: Local<Vec<Entity>>) {
    rooms.clear();
    rooms.extend_from_slice(world.resource::<Rooms>());
    for &room in &*rooms {
        let Some(mut link) = world.get_mut::<RoomLink>(room) else {
            continue;
        };
        let link = link.bypass_change_detection();
        link.advance_clocks();
        let mut batch = Batch::take(&mut link.snapshots);
        filter(&mut link.large, &mut link.snapshots, &mut batch);
        if !batch.is_empty() {
            apply_batch(world, room, batch);
        }
        resolve_references(world, room);
    }
}

fn apply_batch(world: &mut World, room: Entity, batch: Batch) {
    let mut ownership = batch.ownership;
    // A claim that ends with its entity ends first.
    let is_last = |event: &mut SnapshotEvent| match event {
        SnapshotEvent::ClaimEnded { id, .. } => batch.removed.iter().any(|(gone, _)| gone == id),
        _ => false,
    };
    for event in ownership.extract_if(.., is_last).collect::<Vec<_>>() {
        ownership::handle(world, room, event);
    }
    for (id, reason) in batch.removed.iter().copied() {
        remove::remove(world, room, id, reason);
    }
    spawn::spawn_all(world, room, batch.spawned);
    let creators = batch.removed.iter().map(|(id, _)| id.creator);
    for creator in creators.collect::<BTreeSet<_>>() {
        spawn::restore_peer(world, room, creator);
    }
    resolve_references(world, room);
    for (id, change) in batch.changed {
        change_entity(world, room, id, change);
    }
    for event in ownership {
        ownership::handle(world, room, event);
    }
}

/// Changes the components of an entity.
fn change_entity(world: &mut World, room: Entity, id: EntityId, change: Change) {
    let Some(received) = Received::find(world, room, id, change.tick) else {
        return;
    };
    received.remove(world, change.removed);
    received.insert_or_set(world, change.changed);
}
