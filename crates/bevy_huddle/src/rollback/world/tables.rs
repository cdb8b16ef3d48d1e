//! Which tables contain the entities of several archetypes.

use bevy::{ecs::storage::TableId, prelude::*};

/// The tables that belong to several archetypes: those that differ only in sparse sets.
///
/// An archetype with a table of its own has the same rows as the table, because Bevy adds and removes
/// rows in both at the same time. In a shared table, the order of an archetype's rows may differ.
#[derive(Default)]
pub(super) struct SharedTables {
    /// The number of archetypes that were counted. Bevy never removes an archetype.
    known: usize,
    /// The number of archetypes of each table.
    archetypes: Vec<u32>,
}

impl SharedTables {
    /// Counts the archetypes that are new.
    pub(super) fn update(&mut self, world: &World) {
        if self.known == world.archetypes().len() {
            return;
        }
        for archetype in world.archetypes().iter().skip(self.known) {
            let table = archetype.table_id().as_usize();
            if self.archetypes.len() <= table {
                self.archetypes.resize(table + 1, 0);
            }
            self.archetypes[table] += 1;
        }
        self.known = world.archetypes().len();
    }

    pub(super) fn contains(&self, table: TableId) -> bool {
        self.archetypes
            .get(table.as_usize())
            .is_none_or(|&count| count != 1)
    }
}
