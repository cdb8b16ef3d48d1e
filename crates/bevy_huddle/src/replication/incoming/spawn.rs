//! Spawns received entities.

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_snapshot::{
    ComponentSet,
    id::{Creator, EntityId},
};

use crate::{
    peer::components::{Peer, PeerOf},
    replication::{
        components::{Owner, PeerEntity, ReplicationId},
        map::RoomReplication,
        received::{Marks, Received},
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
            let own: Vec<_> = own.collect();
            let tick = link.session.tick().0;
            for id in own {
                let is_known =
                    |replication: &RoomReplication| replication.entities.entity(id).is_some();
                if !world.get::<RoomReplication>(room).is_some_and(is_known) {
                    spawn(world, room, id, tick);
                }
            }
        });
    }
}

/// Spawns entities with all of their components.
pub(super) fn spawn_all(world: &mut World, room: Entity, spawned: &[(EntityId, u32)]) {
    for &(id, tick) in spawned {
        spawn(world, room, id, tick);
    }
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
    let Some(replication) = world.get::<RoomReplication>(room) else {
        return;
    };
    if replication.entities.is_hidden(id) {
        return;
    }
    let Creator::Peer(creator) = id.creator else {
        // The game spawns the entities of its level.
        return;
    };
    let entity = match is_peer(replication, components) {
        // The peer's entity has left if it is not there.
        true => match owned_peer_entity(world, room, creator, owner) {
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
        };
        received.insert(world, components, Some(marks));
    }
}

/// Returns `true` if the components are those of a peer's own entity.
fn is_peer(replication: &RoomReplication, components: ComponentSet) -> bool {
    let id = replication.rules.id_of::<PeerEntity>();
    id.is_some_and(|id| components.contains(id))
}

/// Returns the entity of a peer, if the peer has sent this record about itself, and no other.
fn owned_peer_entity(
    world: &World,
    room: Entity,
    creator: PeerId,
    owner: Option<PeerId>,
) -> Option<Entity> {
    let entity = peer_entity(world, room, creator)?;
    let is_free = world.get::<ReplicationId>(entity).is_none();
    (owner == Some(creator) && is_free).then_some(entity)
}
