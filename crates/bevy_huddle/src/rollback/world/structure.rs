//! Which rollback entities exist, in which archetypes and rows.

use bevy::{
    ecs::{
        archetype::{Archetype, ArchetypeId},
        entity::{EntityHashMap, EntityMapper},
        entity_disabling::Disabled,
        query::QueryState,
        storage::TableId,
    },
    prelude::*,
};

use super::{
    ids::{Rollback, RollbackId, RollbackIds},
    positions::{Position, Positions},
    tables::SharedTables,
};

/// All rollback entities except those with a tombstone. `Has` includes entities that the game
/// disabled.
pub(super) type RollbackQuery =
    QueryState<(Entity, &'static RollbackId, Has<Disabled>), With<Rollback>>;

/// The entities of one archetype, in [`Structure::entities`].
#[derive(Debug, Clone, Copy)]
struct ArchetypeRows {
    archetype: ArchetypeId,
    table: TableId,
    len: usize,
    /// Where its rows start in [`Structure::rows`]. `None` if no other archetype used its table: then
    /// both have the same rows.
    rows: Option<usize>,
}

/// A structure of the world. Two equal structures have equal rows in every column, registered or not.
#[derive(Default)]
pub(super) struct Structure {
    /// The ids of all entities.
    pub(super) ids: Vec<(Entity, RollbackId)>,
    /// The version of [`RollbackIds`] for which `ids` is known to be right.
    version: u64,
    archetypes: Vec<ArchetypeRows>,
    entities: Vec<Entity>,
    /// The rows of archetypes that share their table.
    rows: Vec<u32>,
}

fn version(world: &World) -> u64 {
    world
        .get_resource::<RollbackIds>()
        .map_or(0, RollbackIds::version)
}

impl Structure {
    /// Copies the structure of the world.
    pub(super) fn capture(
        &mut self,
        world: &World,
        query: &mut RollbackQuery,
        shared: &mut SharedTables,
    ) {
        self.version = version(world);
        self.ids.clear();
        self.archetypes.clear();
        self.entities.clear();
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
        shared.update(world);
        for id in query.matched_archetypes() {
            let archetype = &world.archetypes()[id];
            if archetype.is_empty() {
                continue;
            }
            let is_shared = shared.contains(archetype.table_id());
            self.archetypes.push(ArchetypeRows {
                archetype: id,
                table: archetype.table_id(),
                len: archetype.entities().len(),
                rows: is_shared.then_some(self.rows.len()),
            });
            let entities = archetype.entities();
            match world.storages().tables.get(archetype.table_id()) {
                Some(table) if !is_shared => self.entities.extend_from_slice(table.entities()),
                _ => self.entities.extend(entities.iter().map(|row| row.id())),
            }
            if is_shared {
                let rows = entities.iter().map(|row| row.table_row().index_u32());
                self.rows.extend(rows);
            }
        }
    }

    /// Returns `true` if the world has exactly these entities in exactly these rows.
    pub(super) fn matches(
        &mut self,
        world: &World,
        query: &mut RollbackQuery,
        shared: &mut SharedTables,
    ) -> bool {
        query.update_archetypes(world);
        shared.update(world);
        let mut archetypes = self.archetypes.iter();
        let mut saved = self.entities.as_slice();
        for id in query.matched_archetypes() {
            let archetype = &world.archetypes()[id];
            if archetype.is_empty() {
                continue;
            }
            let Some(rows) = archetypes.next().filter(|rows| rows.archetype == id) else {
                return false;
            };
            let Some((entities, rest)) = saved.split_at_checked(archetype.entities().len()) else {
                return false;
            };
            saved = rest;
            if rows.len != entities.len()
                || !self.has_rows(world, archetype, rows, entities, shared)
            {
                return false;
            }
        }
        archetypes.next().is_none() && self.has_ids(world, query)
    }

    /// Returns `true` if an archetype has these entities in the saved rows.
    fn has_rows(
        &self,
        world: &World,
        archetype: &Archetype,
        saved: &ArchetypeRows,
        entities: &[Entity],
        shared: &SharedTables,
    ) -> bool {
        if !shared.contains(saved.table) {
            // The rows of the archetype are those of the table.
            let table = world.storages().tables.get(saved.table);
            return table.is_some_and(|table| are_equal(table.entities(), entities));
        }
        let table_rows = saved.rows.map(|start| &self.rows[start..]);
        let mut rows = archetype.entities().iter().zip(entities).enumerate();
        rows.all(|(index, (row, &entity))| {
            row.id() == entity
                && match table_rows {
                    Some(table_rows) => row.table_row().index_u32() == table_rows[index],
                    None => row.table_row().index() == index,
                }
        })
    }

    /// Returns `true` if the entities have their saved ids.
    fn has_ids(&mut self, world: &World, query: &mut RollbackQuery) -> bool {
        let version = version(world);
        if self.version == version {
            return true;
        }
        let mut saved = self.ids.iter();
        let mut is_next = |entity, id| saved.next() == Some(&(entity, id));
        let same = match query.contiguous_iter(world) {
            Ok(mut tables) => tables.all(|(entities, ids, _)| {
                let mut pairs = entities.iter().zip(ids);
                pairs.all(|(&entity, &id)| is_next(entity, id))
            }),
            Err(_) => query
                .iter(world)
                .all(|(entity, id, _)| is_next(entity, *id)),
        };
        if same {
            self.version = version;
        }
        same
    }

    /// Writes the position of each saved entity into `positions`.
    pub(super) fn positions(&self, positions: &mut Positions) {
        positions.clear();
        let mut entities = self.entities.iter().enumerate();
        for archetype in &self.archetypes {
            for (row, (index, &entity)) in entities.by_ref().take(archetype.len).enumerate() {
                let table_row = match archetype.rows {
                    Some(start) => self.rows[start + row],
                    None => row as u32,
                };
                let position = Position {
                    archetype: archetype.archetype,
                    table: archetype.table,
                    table_row,
                    index,
                };
                positions.insert(entity, position);
            }
        }
    }

    /// Returns the entities of all tables that belong to one archetype, in the order of their rows.
    pub(super) fn tables(&self) -> impl Iterator<Item = (TableId, &[Entity])> {
        let mut entities = self.entities.as_slice();
        self.archetypes.iter().filter_map(move |archetype| {
            let (rows, rest) = entities.split_at(archetype.len);
            entities = rest;
            archetype.rows.is_none().then_some((archetype.table, rows))
        })
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
        for entity in &mut self.entities {
            *entity = entities.get_mapped(*entity);
        }
    }
}

/// Compares two lists of entities. Comparing all entities of a block without branches is several times
/// faster than `==`.
fn are_equal(a: &[Entity], b: &[Entity]) -> bool {
    let differs = |a: &[Entity], b: &[Entity]| {
        let pairs = a.iter().zip(b);
        pairs.fold(0, |bits, (a, b)| bits | (a.to_bits() ^ b.to_bits())) != 0
    };
    let mut blocks = a.chunks(BLOCK).zip(b.chunks(BLOCK));
    a.len() == b.len() && !blocks.any(|(a, b)| differs(a, b))
}

/// The number of entities that are compared at once.
const BLOCK: usize = 256;
