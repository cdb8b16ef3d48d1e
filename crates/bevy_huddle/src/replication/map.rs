//! The replicated entities of a room, and their entities in the world.

use std::collections::HashMap;

use bevy::{ecs::entity::EntityHashMap, prelude::*};
use huddle_snapshot::id::EntityId;

use super::rule::RoomRules;

/// What the room knows about replication in the world. A component of the room entity.
#[derive(Component, Default)]
pub(crate) struct RoomReplication {
    pub(crate) rules: RoomRules,
    pub(crate) entities: EntityMap,
}

/// The entities of the world that have an id in a room.
#[derive(Default)]
pub(crate) struct EntityMap {
    /// `None` if the game has despawned the entity of another owner.
    entities: HashMap<EntityId, Option<Entity>>,
    ids: EntityHashMap<EntityId>,
}

impl EntityMap {
    /// Returns the entity with this id. It may have been despawned a moment ago.
    pub(crate) fn entity(&self, id: EntityId) -> Option<Entity> {
        self.entities.get(&id).copied().flatten()
    }

    /// Returns `true` if the game has despawned the entity with this id although another peer owns it.
    pub(crate) fn is_hidden(&self, id: EntityId) -> bool {
        self.entities.get(&id) == Some(&None)
    }

    pub(crate) fn insert(&mut self, id: EntityId, entity: Entity) {
        self.entities.insert(id, Some(entity));
        self.ids.insert(entity, id);
    }

    /// Hides an entity until its owner removes it.
    pub(crate) fn hide(&mut self, id: EntityId) {
        if let Some(entity) = self.entities.insert(id, None).flatten() {
            self.ids.remove(&entity);
        }
    }

    /// Forgets an id. Returns its entity.
    pub(crate) fn remove(&mut self, id: EntityId) -> Option<Entity> {
        let entity = self.entities.remove(&id).flatten()?;
        self.ids.remove(&entity);
        Some(entity)
    }

    /// Returns all entities.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entity> {
        self.ids.keys().copied()
    }
}
