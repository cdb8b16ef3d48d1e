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
    /// The changes since they were taken.
    changes: Vec<Change>,
    version: u64,
}

/// An id that belongs to an entity now, or no longer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) id: EntityId,
    pub(crate) entity: Entity,
    /// The version of the map after the change.
    pub(crate) version: u64,
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
        self.record(id, entity);
    }

    /// Hides an entity until its owner removes it.
    pub(crate) fn hide(&mut self, id: EntityId) {
        if let Some(entity) = self.entities.insert(id, None).flatten() {
            self.ids.remove(&entity);
            self.record(id, entity);
        }
    }

    /// Forgets an id. Returns its entity.
    pub(crate) fn remove(&mut self, id: EntityId) -> Option<Entity> {
        let entity = self.entities.remove(&id).flatten()?;
        self.ids.remove(&entity);
        self.record(id, entity);
        Some(entity)
    }

    /// Returns the changes since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Returns the version, which increases with each change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    fn record(&mut self, id: EntityId, entity: Entity) {
        self.version += 1;
        self.changes.push(Change {
            id,
            entity,
            version: self.version,
        });
    }

    /// Returns all entities.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entity> {
        self.ids.keys().copied()
    }
}
