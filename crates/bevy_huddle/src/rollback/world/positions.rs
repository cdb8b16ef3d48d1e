//! Where each entity of a structure was.

use bevy::{
    ecs::{archetype::ArchetypeId, storage::TableId},
    prelude::*,
};

/// Where an entity was when the state was saved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) archetype: ArchetypeId,
    pub(super) table: TableId,
    pub(super) table_row: u32,
    /// The index in the list of all archetypes' rows.
    pub(super) index: usize,
}

impl Position {
    /// Returns a key that sorts entities by their rows in tables.
    pub(super) fn row(&self) -> (usize, u32) {
        (self.table.as_usize(), self.table_row)
    }
}

/// A map from entities to positions: a list by the index of the entity, which is faster than a hash
/// map and is never cleared.
#[derive(Default)]
pub(super) struct Positions {
    positions: Vec<(Entity, Position)>,
    /// For each [`EntityIndex`](bevy::ecs::entity::EntityIndex), where it may be in `positions`.
    indices: Vec<u32>,
}

impl Positions {
    pub(super) fn clear(&mut self) {
        self.positions.clear();
    }

    pub(super) fn insert(&mut self, entity: Entity, position: Position) {
        let index = entity.index_u32() as usize;
        if self.indices.len() <= index {
            self.indices.resize(index + 1, 0);
        }
        self.indices[index] = self.positions.len() as u32;
        self.positions.push((entity, position));
    }

    pub(super) fn get(&self, entity: Entity) -> Option<&Position> {
        let index = *self.indices.get(entity.index_u32() as usize)?;
        // Entries of earlier structures point to other entities.
        let (found, position) = self.positions.get(index as usize)?;
        (*found == entity).then_some(position)
    }

    pub(super) fn len(&self) -> usize {
        self.positions.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Entity, Position)> {
        self.positions.iter()
    }
}
