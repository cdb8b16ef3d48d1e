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
    /// The ids that belong to an entity now, or no longer, and the entity.
    changed: Vec<(EntityId, Entity)>,
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
        self.changed.push((id, entity));
    }

    /// Hides an entity until its owner removes it.
    pub(crate) fn hide(&mut self, id: EntityId) {
        if let Some(entity) = self.entities.insert(id, None).flatten() {
            self.ids.remove(&entity);
            self.changed.push((id, entity));
        }
    }

    /// Forgets an id. Returns its entity.
    pub(crate) fn remove(&mut self, id: EntityId) -> Option<Entity> {
        let entity = self.entities.remove(&id).flatten()?;
        self.ids.remove(&entity);
        self.changed.push((id, entity));
        Some(entity)
    }

    /// Returns what has changed since the last call.
    pub(crate) fn take_changed(&mut self) -> Vec<(EntityId, Entity)> {
        std::mem::take(&mut self.changed)
    }

    /// Returns all entities.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entity> {
        self.ids.keys().copied()
    }
}
