//! Restores the order of rows in tables and archetypes.
//!
//! Queries return entities in the order of rows, so a simulation that depends on it resimulates
//! ticks in the same way as it first simulated them. Bevy has no way to move a row. But an entity
//! that gets a component leaves its table, and one that loses it comes back at the end.

use bevy::{
    ecs::{archetype::ArchetypeId, entity::EntityHashMap, storage::TableId},
    prelude::*,
};

use super::{
    positions::{Position, Positions},
    structure::RollbackQuery,
};

/// Moves an entity to another table, and back.
#[derive(Component, Clone, Copy)]
pub(super) struct TableMover;

/// Moves an entity to another archetype with the same table, and back.
#[derive(Component, Clone, Copy)]
#[component(storage = "SparseSet")]
struct ArchetypeMover;

/// Lists that are kept to reuse their allocations.
#[derive(Default)]
pub(super) struct RowOrder {
    tables: Vec<TableId>,
    archetypes: Vec<ArchetypeId>,
    current: Vec<Entity>,
    saved: Vec<Entity>,
}

impl RowOrder {
    /// Sorts the rows of all rollback entities by their saved positions.
    pub(super) fn restore(
        &mut self,
        world: &mut World,
        query: &mut RollbackQuery,
        positions: &Positions,
    ) {
        self.sort_tables(world, query, |entity| {
            positions.get(entity).map(Position::row)
        });
        self.sort_archetypes(world, query, |entity| {
            positions.get(entity).map(|position| position.index)
        });
    }

    /// Sorts the rows of all rollback entities by their keys.
    pub(super) fn shuffle(
        &mut self,
        world: &mut World,
        query: &mut RollbackQuery,
        keys: &EntityHashMap<u64>,
    ) {
        self.sort_tables(world, query, |entity| keys.get(&entity).copied());
        self.sort_archetypes(world, query, |entity| keys.get(&entity).copied());
    }

    fn sort_tables<K: Ord>(
        &mut self,
        world: &mut World,
        query: &mut RollbackQuery,
        key: impl Fn(Entity) -> K,
    ) {
        query.update_archetypes(world);
        self.tables.clear();
        self.tables.extend(query.matched_tables());
        for index in 0..self.tables.len() {
            self.current.clear();
            if let Some(table) = world.storages().tables.get(self.tables[index]) {
                self.current.extend_from_slice(table.entities());
            }
            self.reorder(world, TableMover, &key);
        }
    }

    /// Archetypes that share a table have an order of their own.
    fn sort_archetypes<K: Ord>(
        &mut self,
        world: &mut World,
        query: &mut RollbackQuery,
        key: impl Fn(Entity) -> K,
    ) {
        self.archetypes.clear();
        self.archetypes.extend(query.matched_archetypes());
        for index in 0..self.archetypes.len() {
            self.current.clear();
            if let Some(archetype) = world.archetypes().get(self.archetypes[index]) {
                self.current
                    .extend(archetype.entities().iter().map(|row| row.id()));
            }
            self.reorder(world, ArchetypeMover, &key);
        }
    }

    /// Moves the entities of `current` from the first one that is out of order.
    fn reorder<M: Component + Copy, K: Ord>(
        &mut self,
        world: &mut World,
        mover: M,
        key: impl Fn(Entity) -> K,
    ) {
        if self.current.is_sorted_by_key(|&entity| key(entity)) {
            return;
        }
        self.saved.clear();
        self.saved.extend_from_slice(&self.current);
        self.saved.sort_unstable_by_key(|&entity| key(entity));
        let ordered = self
            .current
            .iter()
            .zip(&self.saved)
            .take_while(|(current, saved)| current == saved)
            .count();
        // Removing the last row first moves no other row.
        for &entity in self.current[ordered..].iter().rev() {
            world.entity_mut(entity).insert(mover);
        }
        for &entity in &self.saved[ordered..] {
            world.entity_mut(entity).remove::<M>();
        }
    }
}
