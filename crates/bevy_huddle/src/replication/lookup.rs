//! Finds replicated entities by their ids.

use bevy::{ecs::system::SystemParam, prelude::*};
use huddle_snapshot::id::EntityId;

use super::{components::ReplicationId, room::RoomReplication};

/// A system parameter that finds replicated entities, for messages about them.
///
/// An [`Entity`] is valid only in its own app. A message names an entity by its id instead, which is the
/// same on every peer:
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{prelude::*, replication::*};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Ping {
///     target: EntityId,
/// }
///
/// fn ping(target: Entity, entities: ReplicatedEntities, mut commands: Commands) {
///     if let Some(target) = entities.id(target) {
///         commands.broadcast(Ping { target });
///     }
/// }
///
/// fn on_ping(ping: On<FromPeer<Ping>>, entities: ReplicatedEntities) {
///     // The entity may not have arrived, or no longer exist.
///     if let Some(target) = entities.entity(ping.message.target) {
///         println!("{target} was pinged");
///     }
/// }
/// # let _ = ping;
/// # bevy::ecs::system::assert_is_system(on_ping);
/// ```
#[derive(SystemParam)]
pub struct ReplicatedEntities<'w, 's> {
    rooms: Query<'w, 's, &'static RoomReplication>,
    replicated: Query<'w, 's, &'static ReplicationId>,
}

impl ReplicatedEntities<'_, '_> {
    /// Returns the local entity with this id, or `None` if it has not arrived, is hidden from the local
    /// peer, or no longer exists.
    ///
    /// If the game is in several rooms, level entities of each room can have the same id. This returns one
    /// of them.
    pub fn entity(&self, id: EntityId) -> Option<Entity> {
        let exists = |entity: &Entity| self.id(*entity) == Some(id);
        let mut rooms = self.rooms.iter();
        rooms.find_map(|room| room.entities.entity(id).filter(exists))
    }

    /// Returns the id of an entity, or `None` if it is not in a room.
    pub fn id(&self, entity: Entity) -> Option<EntityId> {
        self.replicated.get(entity).ok().map(|id| id.id)
    }
}
