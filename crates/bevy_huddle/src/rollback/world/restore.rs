//! Restores entities, components and rows where they differ from a saved state.

use bevy::{ecs::entity::EntityHashMap, prelude::*};
use huddle_session::Tick;
use log::warn;

use super::{
    column::Column,
    ids::{Rollback, RollbackId, RollbackIds},
    places::Places,
    positions::Positions,
    relationship::ListOrder,
    rows::RowOrder,
    save::Save,
    structure::RollbackQuery,
    structures::Structures,
    tombstone::{Tombstone, hide, revive},
};

/// What the store knows about a save that is being loaded.
pub(super) struct Loading<'a> {
    pub(super) columns: &'a mut [Box<dyn Column>],
    pub(super) orders: &'a mut [Box<dyn ListOrder>],
    pub(super) structures: &'a mut Structures,
    pub(super) save: Save,
}

/// Buffers that are kept to reuse their allocations.
#[derive(Default)]
pub(super) struct Restorer {
    positions: Positions,
    /// Entities that were spawned again.
    replaced: EntityHashMap<Entity>,
    surplus: Vec<(RollbackId, Entity)>,
    places: Places,
    rows: RowOrder,
    pub(super) warned_of_despawn: bool,
    pub(super) warned_of_observers: bool,
}

impl Restorer {
    /// Makes the entities, their components and rows equal to the saved ones. Returns `true` if the
    /// structure then equals the saved one.
    ///
    /// Different components that are not registered leave entities in other rows.
    pub(super) fn restore(&mut self, world: &mut World, loading: &mut Loading) -> bool {
        let save = loading.save;
        let structure = loading.structures.get(save.structure);
        structure.positions(&mut self.positions);
        self.restore_entities(world, loading);
        if !self.replaced.is_empty() {
            loading.structures.replace(&mut self.replaced);
            for column in &mut *loading.columns {
                column.replace(&mut self.replaced);
            }
            for order in &mut *loading.orders {
                order.replace(&mut self.replaced);
            }
            let structure = loading.structures.get(save.structure);
            structure.positions(&mut self.positions);
        }
        if !self.have_same_components(world) {
            // Inserting a component inserts those that it requires, so removals come last.
            for column in &mut *loading.columns {
                column.insert_missing(world, &save);
            }
            for column in &mut *loading.columns {
                column.remove_surplus(world, &save, &self.positions);
            }
        }
        // Despawning a parent despawns its children, so all children get their saved parents first.
        for column in &mut *loading.columns {
            column.reinsert(world, &save, false);
        }
        world.flush();
        let structure = loading.structures.get(save.structure);
        for (table, entities) in structure.tables() {
            self.places
                .restore(world, table, entities, |world, entity| {
                    let is_saved = self.positions.get(entity).is_some();
                    !is_saved && remove_entity(world, entity, &save)
                });
        }
        self.remove_entities(world, &save);
        world.flush();
        if loading.structures.matches(world, save.structure) {
            return true;
        }
        let query = &mut loading.structures.query;
        self.rows.restore(world, query, &self.positions);
        if loading.structures.matches(world, save.structure) {
            return true;
        }
        self.warn_of_observers(world, loading);
        false
    }

    /// Returns `true` if all saved entities have exactly the components that they had.
    fn have_same_components(&self, world: &World) -> bool {
        self.positions.iter().all(|&(entity, position)| {
            world
                .get_entity(entity)
                .is_ok_and(|entity| entity.archetype().id() == position.archetype)
        })
    }

    /// Puts the rows of all rollback entities into a random order.
    pub(super) fn shuffle(
        &mut self,
        world: &mut World,
        query: &mut RollbackQuery,
        mut random: impl FnMut() -> u64,
    ) {
        let entities = query.iter(world).map(|(entity, ..)| entity);
        let keys = entities.map(|entity| (entity, random())).collect();
        self.rows.shuffle(world, query, &keys);
    }

    /// Reports a hook or observer that undoes the load.
    fn warn_of_observers(&mut self, world: &mut World, loading: &mut Loading) {
        if self.warned_of_observers {
            return;
        }
        for column in &mut *loading.columns {
            if column.is_restored(world, &loading.save, &self.positions) {
                continue;
            }
            self.warned_of_observers = true;
            warn!(
                "a hook or observer inserts or removes {} while a rollback restores the state of \
                 tick {}. The peers may desync. Register all components that it depends on, or let \
                 a system of the simulation do its work. This is reported once.",
                column.registered().name,
                loading.save.tick,
            );
        }
    }

    /// Revives hidden entities, and spawns those again that the game despawned with `despawn()`.
    fn restore_entities(&mut self, world: &mut World, loading: &Loading) {
        self.replaced.clear();
        // The row of a hidden entity that is revived comes last. From back to front, so that the
        // first one is the last row: restoring the rows begins with it.
        let ids = &loading.structures.get(loading.save.structure).ids;
        for &(saved, id) in ids.iter().rev() {
            let current = world.get_entity(saved).ok();
            let current = current.filter(|current| current.get::<RollbackId>() == Some(&id));
            let archetype = current.map(|current| current.archetype().id());
            if archetype.is_some()
                && archetype == self.positions.get(saved).map(|position| position.archetype)
            {
                // It has the components of the saved state, in which it was not hidden.
                continue;
            }
            let existing = || world.get_resource::<RollbackIds>()?.existing(id);
            let entity = match archetype {
                Some(_) => saved,
                None => match existing() {
                    Some(existing) => existing,
                    None => {
                        self.warn_of_despawn(world, saved, id);
                        world.spawn((Rollback, id)).id()
                    }
                },
            };
            if entity != saved {
                self.replaced.insert(saved, entity);
            }
            if world.get::<Tombstone>(entity).is_some() {
                revive(world, entity);
            }
            if world.get::<Rollback>(entity).is_none() {
                world.entity_mut(entity).insert(Rollback);
            }
        }
    }

    fn warn_of_despawn(&mut self, world: &World, entity: Entity, id: RollbackId) {
        if self.warned_of_despawn {
            return;
        }
        self.warned_of_despawn = true;
        // Bevy records the caller only with its `track_location` feature.
        let caller = world
            .entities()
            .entity_get_spawned_or_despawned_by(entity)
            .into_option()
            .flatten();
        let place = caller
            .map(|caller| format!(" at {caller}"))
            .unwrap_or_default();
        warn!(
            "the rollback entity {entity} with id {} was despawned with `despawn()`{place}. A \
             rollback spawned it again without its unregistered components, such as sprites. Use \
             `despawn_rollback()` in the simulation. This is reported once.",
            id.get(),
        );
    }

    /// Removes the entities that the saved state does not have.
    fn remove_entities(&mut self, world: &mut World, save: &Save) {
        self.surplus.clear();
        if let Some(ids) = world.get_resource::<RollbackIds>() {
            let surplus = ids
                .all_existing()
                .filter(|&(_, entity)| self.positions.get(entity).is_none());
            self.surplus.extend(surplus);
        }
        for (_, entity) in self.surplus.drain(..) {
            remove_entity(world, entity, save);
        }
    }
}

/// Removes an entity that the saved state does not have. Returns `true` if it left its table.
fn remove_entity(world: &mut World, entity: Entity, save: &Save) -> bool {
    // Its parent may have despawned it.
    let Ok(entity_mut) = world.get_entity_mut(entity) else {
        return false;
    };
    let id = entity_mut.get::<RollbackId>().copied().unwrap_or_default();
    if id.get() >= save.next_id {
        entity_mut.despawn();
        true
    } else if entity_mut.contains::<Rollback>() && !entity_mut.contains::<Tombstone>() {
        // Happens only if a state is loaded that comes after the present one.
        hide(world, entity, Tick(save.tick.0.wrapping_sub(1)));
        true
    } else {
        false
    }
}
