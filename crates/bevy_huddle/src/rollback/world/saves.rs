//! Saving, loading and releasing states, and what can be learned from a saved state.

use bevy::prelude::*;
use huddle_session::Tick;

use super::{
    dump::DumpRow,
    error::LoadError,
    hash::mix,
    ids::{RollbackId, RollbackIds},
    restore::Loading,
    store::{Save, WorldStore},
    structure::Structure,
    tombstone::SimulatedTick,
};

impl WorldStore {
    /// Saves the present state as the state before `tick` is simulated. Replaces an earlier save of
    /// the same tick.
    pub fn save(&mut self, world: &mut World, tick: Tick) {
        let slot = self.slot(tick).unwrap_or_else(|| {
            let slot = self.free.pop().unwrap_or_else(|| self.add_slot());
            self.saves.push(Save { tick, slot });
            slot
        });
        self.structures[slot].save(world, &mut self.query);
        for column in &mut self.columns {
            column.save(world, slot);
        }
        for order in &mut self.orders {
            order.save(world, slot);
        }
    }

    /// Restores the state that was saved for `tick`, and makes it the [`SimulatedTick`].
    ///
    /// Saves of later ticks stay valid until they are replaced or released.
    ///
    /// # Errors
    ///
    /// Fails if there is no save of `tick`. Then the world does not change.
    pub fn load(&mut self, world: &mut World, tick: Tick) -> Result<(), LoadError> {
        let slot = self.slot(tick).ok_or(LoadError::NotSaved { tick })?;
        let mut same = self.structures[slot].matches(world, &mut self.query);
        if same {
            let mut reinserted = false;
            for column in &mut self.columns {
                reinserted |= column.reinsert(world, slot);
            }
            if reinserted {
                world.flush();
                same = self.structures[slot].matches(world, &mut self.query);
            }
        }
        if !same {
            let mut loading = Loading {
                query: &mut self.query,
                columns: &mut self.columns,
                orders: &mut self.orders,
                structures: &mut self.structures,
                slot,
                tick,
            };
            self.restorer.restore(world, &mut loading);
            // Different components that are not registered leave entities in other rows.
            same = self.structures[slot].matches(world, &mut self.query);
        }
        for order in &mut self.orders {
            order.restore(world, slot);
        }
        for column in &mut self.columns {
            column.write(world, slot, same);
        }
        if let Some(mut ids) = world.get_resource_mut::<RollbackIds>() {
            ids.set_next(self.structures[slot].next_id);
        }
        if let Some(mut simulated) = world.get_resource_mut::<SimulatedTick>() {
            simulated.0 = tick;
        }
        Ok(())
    }

    /// Returns `true` if the state of `tick` is saved.
    pub fn is_saved(&self, tick: Tick) -> bool {
        self.slot(tick).is_some()
    }

    /// Forgets the state of `tick`. Its memory is reused.
    pub fn release(&mut self, tick: Tick) {
        if let Some(index) = self.saves.iter().position(|save| save.tick == tick) {
            self.free.push(self.saves.swap_remove(index).slot);
        }
    }

    /// Despawns the entities that no rollback can revive any more.
    ///
    /// `tick` is the first tick with an input that is not confirmed. No load may reach a state
    /// before the newest save that is not after `tick`.
    pub fn confirm(&mut self, world: &mut World, tick: Tick) {
        let newest = self
            .saves
            .iter()
            .map(|save| save.tick)
            .filter(|saved| !saved.is_after(tick));
        let first_loadable = newest
            .reduce(|a, b| if b.is_after(a) { b } else { a })
            .unwrap_or(tick);
        self.reaped.clear();
        let reaped = self.tombstones.iter(world);
        let reaped = reaped.filter(|(_, tombstone, ..)| first_loadable.is_after(tombstone.tick()));
        self.reaped
            .extend(reaped.map(|(entity, _, id, _)| (id.copied(), entity)));
        // Removal observers run in the same order on every peer. Children without an id go with
        // their parents.
        self.reaped
            .sort_unstable_by_key(|&(id, entity)| (id.is_none(), id, entity));
        for (_, entity) in self.reaped.drain(..) {
            if let Ok(entity) = world.get_entity_mut(entity) {
                entity.despawn();
            }
        }
    }

    /// Ends a match: despawns all rollback entities, including hidden ones, forgets all saves, and
    /// starts again with the first id.
    ///
    /// Registered resources keep their values.
    pub fn clear(&mut self, world: &mut World) {
        self.release_all();
        self.reaped.clear();
        if let Some(ids) = world.get_resource::<RollbackIds>() {
            self.reaped
                .extend(ids.all_existing().map(|(id, entity)| (Some(id), entity)));
        }
        for (_, entity) in self.reaped.drain(..) {
            if let Ok(entity) = world.get_entity_mut(entity) {
                entity.despawn();
            }
        }
        if let Some(mut ids) = world.get_resource_mut::<RollbackIds>() {
            ids.end_match();
        }
    }

    /// Returns the checksum of a saved state, or `None` if `tick` is not saved.
    ///
    /// It covers the entities and the values of all compared types. It does not depend on the order
    /// of rows, on [`Entity`] values, or on the processor.
    pub fn checksum(&mut self, tick: Tick) -> Option<u64> {
        let slot = self.slot(tick)?;
        let structure = &self.structures[slot];
        structure.ids_by_entity(&mut self.ids);
        let entities = structure.ids.iter().map(|(_, id)| mix(id.get(), 0));
        let entities = entities.fold(0, u64::wrapping_add);
        let mut checksum = mix(structure.next_id, entities);
        for column in &mut self.columns {
            if let Some(hash) = column.checksum(slot, &self.ids) {
                checksum = mix(checksum, hash);
            }
        }
        Some(checksum)
    }

    /// Returns the entities of a saved state. Returns no entities if `tick` is not saved.
    pub(crate) fn entities(&self, tick: Tick) -> impl Iterator<Item = RollbackId> + '_ {
        let slot = self.slot(tick).into_iter();
        slot.flat_map(|slot| self.structures[slot].ids.iter().map(|&(_, id)| id))
    }

    /// Puts the entities into a random order, for tests. Loading a state restores its order.
    pub(crate) fn shuffle_rows(&mut self, world: &mut World, random: impl FnMut() -> u64) {
        self.restorer.shuffle(world, &mut self.query, random);
    }

    /// Returns the values of all compared types in a saved state, in at most `limit` rows. Returns
    /// no rows if `tick` is not saved.
    ///
    /// Types come in the order of their registration, and entities in the order of their ids.
    pub fn dump(&mut self, tick: Tick, limit: usize) -> Vec<DumpRow> {
        let mut rows = Vec::new();
        if let Some(slot) = self.slot(tick) {
            self.structures[slot].ids_by_entity(&mut self.ids);
            for column in &mut self.columns {
                column.dump(slot, &self.ids, limit, &mut rows);
            }
        }
        rows
    }

    pub(super) fn release_all(&mut self) {
        self.free.extend(self.saves.drain(..).map(|save| save.slot));
    }

    fn slot(&self, tick: Tick) -> Option<usize> {
        let save = self.saves.iter().find(|save| save.tick == tick)?;
        Some(save.slot)
    }

    fn add_slot(&mut self) -> usize {
        self.structures.push(Structure::default());
        for column in &mut self.columns {
            column.add_slot();
        }
        for order in &mut self.orders {
            order.add_slot();
        }
        self.structures.len() - 1
    }
}
