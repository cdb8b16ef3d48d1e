//! The ids of entities in a room.

use std::collections::HashMap;

use bevy::{ecs::entity::EntityHashMap, prelude::*};
use huddle_snapshot::id::EntityId;

/// The entities of the world that have an id in a room.
#[derive(Debug, Default)]
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

    /// Returns the id of an entity.
    pub(crate) fn id(&self, entity: Entity) -> Option<EntityId> {
        self.ids.get(&entity).copied()
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
