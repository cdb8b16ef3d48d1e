//! Which rollback entities exist, in which archetypes and rows.

use bevy::{
    ecs::{
        archetype::ArchetypeId,
        entity::{EntityHashMap, EntityMapper},
        entity_disabling::Disabled,
        query::QueryState,
        storage::{TableId, TableRow},
    },
    prelude::*,
};

use super::ids::{Rollback, RollbackId, RollbackIds};

/// All rollback entities except those with a tombstone. `Has` includes entities that the game
/// disabled.
pub(super) type RollbackQuery =
    QueryState<(Entity, &'static RollbackId, Has<Disabled>), With<Rollback>>;

/// The rows of one archetype, in [`Structure::rows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ArchetypeRows {
    archetype: ArchetypeId,
    table: TableId,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    entity: Entity,
    table_row: TableRow,
}

/// Where an entity was when the state was saved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    table: TableId,
    table_row: TableRow,
    /// The index in the list of all archetypes' rows.
    pub(super) index: usize,
}

impl Position {
    /// Returns a key that sorts entities by their rows in tables.
    pub(super) fn row(&self) -> (usize, u32) {
        (self.table.as_usize(), self.table_row.index_u32())
    }
}

/// One saved structure. Two equal structures have equal rows in every column, registered or not.
#[derive(Default)]
pub(super) struct Structure {
    /// The number of the next [`RollbackId`].
    pub(super) next_id: u64,
    /// The ids of all entities.
    pub(super) ids: Vec<(Entity, RollbackId)>,
    archetypes: Vec<ArchetypeRows>,
    rows: Vec<Row>,
}

impl Structure {
    pub(super) fn save(&mut self, world: &World, query: &mut RollbackQuery) {
        self.next_id = world
            .get_resource::<RollbackIds>()
            .map_or(0, RollbackIds::next);
        self.ids.clear();
        self.archetypes.clear();
        self.rows.clear();
        if let Ok(tables) = query.contiguous_iter(world) {
            for (entities, ids, _) in tables {
                let pairs = entities.iter().copied().zip(ids.iter().copied());
                self.ids.extend(pairs);
            }
        } else {
            let all = query.iter(world).map(|(entity, id, _)| (entity, *id));
            self.ids.extend(all);
        }
        for id in query.matched_archetypes() {
            let archetype = &world.archetypes()[id];
            if archetype.is_empty() {
                continue;
            }
            self.archetypes.push(ArchetypeRows {
                archetype: id,
                table: archetype.table_id(),
                len: archetype.entities().len(),
            });
            self.rows.extend(archetype.entities().iter().map(|row| Row {
                entity: row.id(),
                table_row: row.table_row(),
            }));
        }
    }

    /// Returns `true` if the world has exactly these entities in exactly these rows, and no hidden
    /// ones that did not exist yet.
    pub(super) fn matches(&self, world: &World, query: &mut RollbackQuery) -> bool {
        let ids = world.get_resource::<RollbackIds>();
        if ids.is_some_and(|ids| ids.has_later(self.next_id)) {
            return false;
        }
        query.update_archetypes(world);
        let mut archetypes = self.archetypes.iter();
        let mut rows = self.rows.as_slice();
        for id in query.matched_archetypes() {
            let archetype = &world.archetypes()[id];
            let entities = archetype.entities();
            if entities.is_empty() {
                continue;
            }
            let current = ArchetypeRows {
                archetype: id,
                table: archetype.table_id(),
                len: entities.len(),
            };
            if archetypes.next() != Some(&current) {
                return false;
            }
            let Some((saved, rest)) = rows.split_at_checked(entities.len()) else {
                return false;
            };
            rows = rest;
            let same = saved
                .iter()
                .zip(entities)
                .all(|(saved, row)| saved.entity == row.id() && saved.table_row == row.table_row());
            if !same {
                return false;
            }
        }
        archetypes.next().is_none()
    }

    /// Writes the position of each saved entity into `positions`.
    pub(super) fn positions(&self, positions: &mut EntityHashMap<Position>) {
        positions.clear();
        let mut index = 0;
        for archetype in &self.archetypes {
            for row in &self.rows[index..index + archetype.len] {
                let position = Position {
                    table: archetype.table,
                    table_row: row.table_row,
                    index,
                };
                positions.insert(row.entity, position);
                index += 1;
            }
        }
    }

    /// Writes the id of each saved entity into `ids`.
    pub(super) fn ids_by_entity(&self, ids: &mut EntityHashMap<RollbackId>) {
        ids.clear();
        ids.extend(self.ids.iter().copied());
    }

    /// Replaces entities that were spawned again.
    pub(super) fn replace(&mut self, entities: &mut EntityHashMap<Entity>) {
        for (entity, _) in &mut self.ids {
            *entity = entities.get_mapped(*entity);
        }
        for row in &mut self.rows {
            row.entity = entities.get_mapped(row.entity);
        }
    }
}
