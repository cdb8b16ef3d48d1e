//! Saving, loading and releasing states, and what can be learned from a saved state.

use bevy::prelude::*;
use huddle_session::Tick;

use super::{
    dump::DumpRow,
    error::LoadError,
    hash::mix,
    ids::{RollbackId, RollbackIds},
    restore::Loading,
    save::Save,
    store::WorldStore,
    tombstone::SimulatedTick,
};

impl WorldStore {
    /// Saves the present state as the state before `tick` is simulated. Replaces an earlier save of
    /// the same tick.
    pub fn save(&mut self, world: &mut World, tick: Tick) {
        let (structure, is_new) = self.structures.acquire(world);
        let slot = match self.take(tick) {
            Some(slot) => slot,
            None => self.free.pop().unwrap_or_else(|| self.add_slot()),
        };
        let next_id = world
            .get_resource::<RollbackIds>()
            .map_or(0, RollbackIds::next);
        let save = Save {
            tick,
            slot,
            structure,
            next_id,
        };
        self.saves.push(save);
        for column in &mut self.columns {
            column.save(world, &save, is_new);
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
        let save = self.find(tick).ok_or(LoadError::NotSaved { tick })?;
        let ids = world.get_resource::<RollbackIds>();
        // Hidden entities that did not exist yet are not in the structure.
        let mut same = ids.is_none_or(|ids| !ids.has_later(save.next_id))
            && self.structures.matches(world, save.structure);
        if same {
            let mut reinserted = false;
            for column in &mut self.columns {
                reinserted |= column.reinsert(world, &save, true);
            }
            if reinserted {
                world.flush();
                same = self.structures.matches(world, save.structure);
            }
        }
        if !same {
            let mut loading = Loading {
                columns: &mut self.columns,
                orders: &mut self.orders,
                structures: &mut self.structures,
                save,
            };
            same = self.restorer.restore(world, &mut loading);
        }
        for order in &mut self.orders {
            order.restore(world, save.slot);
        }
        for column in &mut self.columns {
            column.write(world, &save, same);
        }
        if let Some(mut ids) = world.get_resource_mut::<RollbackIds>() {
            ids.set_next(save.next_id);
        }
        if let Some(mut simulated) = world.get_resource_mut::<SimulatedTick>() {
            simulated.0 = tick;
        }
        Ok(())
    }

    /// Returns `true` if the state of `tick` is saved.
    pub fn is_saved(&self, tick: Tick) -> bool {
        self.find(tick).is_some()
    }

    /// Forgets the state of `tick`. Its memory is reused.
    pub fn release(&mut self, tick: Tick) {
        let slot = self.take(tick);
        self.free.extend(slot);
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
        let save = self.find(tick)?;
        let ids = &self.structures.get(save.structure).ids;
        let entities = ids.iter().map(|(_, id)| mix(id.get(), 0));
        let entities = entities.fold(0, u64::wrapping_add);
        let mut checksum = mix(save.next_id, entities);
        let ids = self.structures.ids(save.structure);
        for column in &mut self.columns {
            if let Some(hash) = column.checksum(&save, ids) {
                checksum = mix(checksum, hash);
            }
        }
        Some(checksum)
    }

    /// Returns the entities of a saved state. Returns no entities if `tick` is not saved.
    pub(crate) fn entities(&self, tick: Tick) -> impl Iterator<Item = RollbackId> + '_ {
        let save = self.find(tick).into_iter();
        save.flat_map(|save| {
            let ids = &self.structures.get(save.structure).ids;
            ids.iter().map(|&(_, id)| id)
        })
    }

    /// Puts the entities into a random order, for tests. Loading a state restores its order.
    pub(crate) fn shuffle_rows(&mut self, world: &mut World, random: impl FnMut() -> u64) {
        let query = &mut self.structures.query;
        self.restorer.shuffle(world, query, random);
    }

    /// Returns the values of all compared types in a saved state, in at most `limit` rows. Returns
    /// no rows if `tick` is not saved.
    ///
    /// Types come in the order of their registration, and entities in the order of their ids.
    pub fn dump(&mut self, tick: Tick, limit: usize) -> Vec<DumpRow> {
        let mut rows = Vec::new();
        if let Some(save) = self.find(tick) {
            let ids = self.structures.ids(save.structure);
            for column in &mut self.columns {
                column.dump(&save, ids, limit, &mut rows);
            }
        }
        rows
    }

    pub(super) fn release_all(&mut self) {
        for save in self.saves.drain(..) {
            self.structures.release(save.structure);
            self.free.push(save.slot);
        }
        // A column that is registered now has no rows of the last structure.
        self.structures.forget_last();
    }

    fn find(&self, tick: Tick) -> Option<Save> {
        self.saves.iter().find(|save| save.tick == tick).copied()
    }

    /// Removes a save and returns its slot.
    fn take(&mut self, tick: Tick) -> Option<usize> {
        let index = self.saves.iter().position(|save| save.tick == tick)?;
        let save = self.saves.swap_remove(index);
        self.structures.release(save.structure);
        Some(save.slot)
    }

    fn add_slot(&mut self) -> usize {
        for column in &mut self.columns {
            column.add_slot();
        }
        for order in &mut self.orders {
            order.add_slot();
        }
        self.slots += 1;
        self.slots - 1
    }
}
