//! Puts the rows of a table into their saved order, with as few moves as possible.

use bevy::{ecs::storage::TableId, prelude::*};

use super::rows::TableMover;

/// Restores tables whose entities all have their saved components. Leaves other tables to
/// [`RowOrder`](super::rows::RowOrder), which moves all rows from the first wrong one.
///
/// A row that leaves a table is replaced by the last row. So an entity gets into its row if it is the
/// last one when the wrong entity leaves that row.
#[derive(Default)]
pub(super) struct Places {
    /// Entities that were moved out of the table, because they belong into later rows.
    waiting: Vec<Entity>,
}

impl Places {
    /// Puts `saved` into the first rows of the table. `remove` removes an entity that does not belong
    /// to the saved state, and returns `false` for others.
    pub(super) fn restore(
        &mut self,
        world: &mut World,
        table: TableId,
        saved: &[Entity],
        mut remove: impl FnMut(&mut World, Entity) -> bool,
    ) {
        for (row, &entity) in saved.iter().enumerate() {
            let current = at(world, table, row);
            if current == Some(entity) {
                continue;
            }
            if !self.make_last(world, table, entity) {
                break;
            }
            if let Some(current) = at(world, table, row)
                && current != entity
                && !remove(world, current)
            {
                let Ok(mut current_mut) = world.get_entity_mut(current) else {
                    break;
                };
                current_mut.insert(TableMover);
                self.waiting.push(current);
            }
            // A hook or observer may have changed the table.
            if at(world, table, row) != Some(entity) {
                break;
            }
        }
        for entity in self.waiting.drain(..) {
            if let Ok(mut entity) = world.get_entity_mut(entity)
                && entity.contains::<TableMover>()
            {
                entity.remove::<TableMover>();
            }
        }
    }

    /// Makes an entity the last row of the table. Returns `false` if it does not belong there.
    fn make_last(&self, world: &mut World, table: TableId, entity: Entity) -> bool {
        let len = entities(world, table).len();
        let Ok(mut entity_mut) = world.get_entity_mut(entity) else {
            return false;
        };
        let location = entity_mut.location();
        if location.table_id == table {
            if location.table_row.index() + 1 == len {
                return true;
            }
            entity_mut.insert(TableMover);
        } else if !entity_mut.contains::<TableMover>() {
            return false;
        }
        entity_mut.remove::<TableMover>();
        entities(world, table).last() == Some(&entity)
    }
}

fn entities(world: &World, table: TableId) -> &[Entity] {
    let table = world.storages().tables.get(table);
    table.map_or(&[], |table| table.entities())
}

fn at(world: &World, table: TableId, row: usize) -> Option<Entity> {
    entities(world, table).get(row).copied()
}
