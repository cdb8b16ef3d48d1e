//! Spawns received entities.

use std::collections::{BTreeMap, BTreeSet};

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_snapshot::{
    ComponentSet, RemovalReason,
    id::{Creator, EntityId},
};

use super::{ownership::restrict, remove::remove};
use crate::{
    peer::components::{Peer, PeerOf},
    replication::{
        codec::references_in,
        components::{Owner, PeerEntity, ReplicationId},
        received::{Marks, Received},
        resolve::resolve_references,
        room::RoomReplication,
    },
    room::link::{RoomLink, peer_entity},
};

/// Spawns the replicated components of a peer whose entity is new. The session may know them from an
/// earlier link.
pub(crate) fn on_peer_added(
    added: On<Add, Peer>,
    peers: Query<(&Peer, &PeerOf)>,
    mut commands: Commands,
) {
    if let Ok((peer, &PeerOf(room))) = peers.get(added.entity) {
        let peer_id = peer.id;
        commands.queue(move |world: &mut World| {
            let Some(link) = world.get::<RoomLink>(room) else {
                return;
            };
            let entities = link.snapshots.entities();
            let own = entities.filter(|id| id.creator == Creator::Peer(peer_id));
            let own = own.filter(|id| link.large.is_whole(&link.snapshots, *id));
            let own: Vec<_> = own.collect();
            let tick = link.session.tick().0;
            spawn_all(world, room, own.into_iter().map(|id| (id, tick)).collect());
        });
    }
}

/// Spawns entities with all of their components, those that others refer to first.
pub(super) fn spawn_all(world: &mut World, room: Entity, mut ticks: BTreeMap<EntityId, u32>) {
    if ticks.is_empty() {
        return;
    }
    let mut open: Vec<_> = ticks.keys().rev().copied().collect();
    // An entity that is looked at for the second time is spawned, even if there is a cycle.
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !ticks.contains_key(&id) {
            continue;
        }
        if seen.insert(id) {
            open.push(id);
            let references = references_of(world, room, id);
            open.extend(references.into_iter().filter(|it| !seen.contains(it)));
        } else if let Some(tick) = ticks.remove(&id) {
            spawn(world, room, id, tick);
        }
    }
    resolve_references(world, room);
}

/// Returns the entities that an entity refers to.
fn references_of(world: &World, room: Entity, id: EntityId) -> Vec<EntityId> {
    let Some(link) = world.get::<RoomLink>(room) else {
        return Vec::new();
    };
    let components = link.snapshots.components(id).unwrap_or_default();
    let values = components
        .iter()
        .filter_map(|component| link.large.value(&link.snapshots, id, component));
    values.flat_map(references_in).collect()
}

fn spawn(world: &mut World, room: Entity, id: EntityId, tick: u32) {
    let Some(link) = world.get::<RoomLink>(room) else {
        return;
    };
    let (Some(components), owner) = (link.snapshots.components(id), link.snapshots.owner(id))
    else {
        return;
    };
    let is_mine = owner == Some(link.local_id());
    let Some(rules) = link.snapshots.rules(id) else {
        return;
    };
    let Some(replication) = world.get::<RoomReplication>(room) else {
        return;
    };
    let is_known = replication.entities.entity(id).is_some();
    if is_known || replication.entities.is_hidden(id) {
        return;
    }
    let Creator::Peer(creator) = id.creator else {
        // The game spawns the entities of its level.
        return;
    };
    let entity = match is_peer(replication, components) {
        // The peer's entity has left if it is not there.
        true => match take_peer_entity(world, room, creator, owner) {
            Some(entity) => entity,
            None => return,
        },
        false => world.spawn_empty().id(),
    };
    if let Some(mut replication) = world.get_mut::<RoomReplication>(room) {
        replication.entities.insert(id, entity);
    }
    if let Some(received) = Received::find(world, room, id, tick) {
        let marks = Marks {
            owner: owner.map(Owner),
            is_mine,
            rules,
        };
        received.insert(world, components, Some(marks));
        if is_mine {
            restrict(world, room, (id, entity));
        }
    }
}

/// Returns `true` if the components are those of a peer's own entity.
fn is_peer(replication: &RoomReplication, components: ComponentSet) -> bool {
    let id = replication.rules.id_of::<PeerEntity>();
    id.is_some_and(|id| components.contains(id))
}

/// Returns the entity of a peer, if the peer has sent this record about itself, and no other. A peer that
/// has started again sends another record, which replaces the one of its earlier session.
fn take_peer_entity(
    world: &mut World,
    room: Entity,
    creator: PeerId,
    owner: Option<PeerId>,
) -> Option<Entity> {
    let entity = peer_entity(world, room, creator).filter(|_| owner == Some(creator))?;
    if let Some(&ReplicationId { id, .. }) = world.get::<ReplicationId>(entity) {
        remove(world, room, id, RemovalReason::OwnerLeft);
    }
    world.get_entity(entity).is_ok().then_some(entity)
}

/// Gives the entity of a peer another record about the peer, if it has lost one.
pub(super) fn restore_peer(world: &mut World, room: Entity, creator: Creator) {
    let Creator::Peer(peer_id) = creator else {
        return;
    };
    let (Some(link), Some(replication)) = (
        world.get::<RoomLink>(room),
        world.get::<RoomReplication>(room),
    ) else {
        return;
    };
    let has_lost = peer_entity(world, room, peer_id)
        .is_some_and(|entity| world.get::<ReplicationId>(entity).is_none());
    if !has_lost {
        return;
    }
    let session = &link.snapshots;
    let record = session.entities().find(|id| {
        let components = session.components(*id).unwrap_or_default();
        let is_whole = link.large.is_whole(session, *id);
        id.creator == creator && is_peer(replication, components) && is_whole
    });
    let tick = link.session.tick().0;
    spawn_all(
        world,
        room,
        record.into_iter().map(|id| (id, tick)).collect(),
    );
}
