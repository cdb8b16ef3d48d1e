//! The structures of all saves. Saves between which nothing was spawned or despawned share one.

use bevy::{ecs::entity::EntityHashMap, prelude::*};

use super::{
    ids::RollbackId,
    structure::{RollbackQuery, Structure},
    tables::SharedTables,
};

pub(super) struct Structures {
    pub(super) query: RollbackQuery,
    all: Vec<Structure>,
    /// The number of saves that use each structure.
    users: Vec<usize>,
    /// The structure that was saved or loaded last: most probably that of the world.
    last: Option<usize>,
    shared: SharedTables,
    ids: EntityHashMap<RollbackId>,
    /// The structure whose ids are in `ids`.
    ids_of: Option<usize>,
}

impl Structures {
    pub(super) fn new(world: &mut World) -> Self {
        Self {
            query: QueryState::new(world),
            all: Vec::new(),
            users: Vec::new(),
            last: None,
            shared: SharedTables::default(),
            ids: EntityHashMap::default(),
            ids_of: None,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, index: usize) -> &Structure {
        &self.all[index]
    }

    /// Returns the structure of the world for another save, and whether it is new.
    pub(super) fn acquire(&mut self, world: &World) -> (usize, bool) {
        if let Some(last) = self.last
            && self.all[last].matches(world, &mut self.query, &mut self.shared)
        {
            self.users[last] += 1;
            return (last, false);
        }
        let free = self.users.iter().position(|&users| users == 0);
        let index = free.unwrap_or_else(|| {
            self.all.push(Structure::default());
            self.users.push(0);
            self.all.len() - 1
        });
        self.all[index].capture(world, &mut self.query, &mut self.shared);
        self.users[index] += 1;
        self.last = Some(index);
        if self.ids_of == Some(index) {
            self.ids_of = None;
        }
        (index, true)
    }

    /// Returns a structure that a save no longer uses.
    pub(super) fn release(&mut self, index: usize) {
        self.users[index] -= 1;
    }

    /// Forgets which structure the world had, so that the next save gets a new one.
    pub(super) fn forget_last(&mut self) {
        self.last = None;
    }

    /// Returns `true` if the world has exactly this structure.
    pub(super) fn matches(&mut self, world: &World, index: usize) -> bool {
        let same = self.all[index].matches(world, &mut self.query, &mut self.shared);
        if same {
            self.last = Some(index);
        }
        same
    }

    /// Returns the id of each entity in a structure.
    pub(super) fn ids(&mut self, index: usize) -> &EntityHashMap<RollbackId> {
        if self.ids_of != Some(index) {
            self.all[index].ids_by_entity(&mut self.ids);
            self.ids_of = Some(index);
        }
        &self.ids
    }

    /// Replaces entities that were spawned again.
    pub(super) fn replace(&mut self, entities: &mut EntityHashMap<Entity>) {
        for structure in &mut self.all {
            structure.replace(entities);
        }
        self.ids_of = None;
    }
}
