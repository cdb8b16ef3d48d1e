//! The saved values of a component.

use std::any::type_name;

use bevy::{ecs::entity::EntityHashMap, prelude::*};

use super::{
    super::{
        dump::DumpRow, hash::mix, ids::RollbackId, positions::Positions, save::Save,
        value::ValueRules,
    },
    Column, Registered, RegisteredKind,
    access::{Access, SavedValues},
};

pub(in super::super) struct ComponentColumn<T: Component>
where
    T::Mutability: Access<T>,
{
    rules: ValueRules<T>,
    query: Option<<T::Mutability as Access<T>>::Query>,
    /// The values of each slot, in the order in which the query returns the rows.
    slots: Vec<Vec<T>>,
    /// The entities of each structure, in the same order.
    structures: Vec<Vec<Entity>>,
    /// For each saved entity, whether it had the component. Kept to reuse the allocation.
    had_component: Vec<bool>,
    surplus: Vec<Entity>,
}

impl<T: Component + Clone> ComponentColumn<T>
where
    T::Mutability: Access<T>,
{
    pub(in super::super) fn new(rules: ValueRules<T>) -> Self {
        Self {
            rules,
            query: None,
            slots: Vec::new(),
            structures: Vec::new(),
            had_component: Vec::new(),
            surplus: Vec::new(),
        }
    }

    /// Lists the saved entities that have the component and did not have it in the slot.
    fn find_surplus(&mut self, world: &mut World, save: &Save, saved: &Positions) {
        self.had_component.clear();
        self.had_component.resize(saved.len(), false);
        for entity in &self.structures[save.structure] {
            let position = saved.get(*entity);
            if let Some(had) =
                position.and_then(|position| self.had_component.get_mut(position.index))
            {
                *had = true;
            }
        }
        let query = self
            .query
            .get_or_insert_with(|| T::Mutability::query(world));
        self.surplus.clear();
        T::Mutability::read(query, world, |entities, _| {
            let surplus = entities.iter().filter(|entity| {
                let position = saved.get(**entity);
                position
                    .is_some_and(|position| self.had_component.get(position.index) == Some(&false))
            });
            self.surplus.extend(surplus);
        });
    }

    fn saved(&self, save: &Save) -> SavedValues<'_, T> {
        SavedValues {
            entities: &self.structures[save.structure],
            values: &self.slots[save.slot],
            rules: self.rules,
        }
    }
}

impl<T: Component + Clone> Column for ComponentColumn<T>
where
    T::Mutability: Access<T>,
{
    fn registered(&self) -> Registered {
        Registered {
            name: type_name::<T>(),
            kind: RegisteredKind::Component,
            compared: self.rules.is_compared(),
        }
    }

    fn add_slot(&mut self) {
        self.slots.push(Vec::new());
    }

    fn save(&mut self, world: &mut World, save: &Save, is_new_structure: bool) {
        let query = self
            .query
            .get_or_insert_with(|| T::Mutability::query(world));
        if self.structures.len() <= save.structure {
            self.structures.resize_with(save.structure + 1, Vec::new);
        }
        let mut new_entities = is_new_structure.then_some(&mut self.structures[save.structure]);
        if let Some(all) = &mut new_entities {
            all.clear();
        }
        let slot = &mut self.slots[save.slot];
        let mut len = 0;
        T::Mutability::read(query, world, |entities, values| {
            if let Some(all) = &mut new_entities {
                all.extend_from_slice(entities);
            }
            self.rules.copy(slot, len, values);
            len += values.len();
        });
        slot.truncate(len);
    }

    fn reinsert(&mut self, world: &mut World, save: &Save, same_structure: bool) -> bool {
        let saved = SavedValues {
            entities: &self.structures[save.structure],
            values: &self.slots[save.slot],
            rules: self.rules,
        };
        T::Mutability::reinsert(&mut self.query, world, &saved, same_structure)
    }

    fn insert_missing(&mut self, world: &mut World, save: &Save) {
        let saved = self.saved(save);
        for (&entity, value) in saved.entities.iter().zip(saved.values) {
            if let Ok(mut entity) = world.get_entity_mut(entity)
                && !entity.contains::<T>()
            {
                entity.insert(value.clone());
            }
        }
    }

    fn remove_surplus(&mut self, world: &mut World, save: &Save, saved: &Positions) {
        self.find_surplus(world, save, saved);
        for &entity in &self.surplus {
            if let Ok(mut entity) = world.get_entity_mut(entity) {
                entity.remove::<T>();
            }
        }
    }

    fn is_restored(&mut self, world: &mut World, save: &Save, saved: &Positions) -> bool {
        self.find_surplus(world, save, saved);
        let mut entities = self.structures[save.structure].iter();
        self.surplus.is_empty() && entities.all(|&entity| world.get::<T>(entity).is_some())
    }

    fn write(&mut self, world: &mut World, save: &Save, same_structure: bool) {
        let saved = SavedValues {
            entities: &self.structures[save.structure],
            values: &self.slots[save.slot],
            rules: self.rules,
        };
        let query = self
            .query
            .get_or_insert_with(|| T::Mutability::query(world));
        T::Mutability::write(query, world, &saved, same_structure);
    }

    fn replace(&mut self, entities: &mut EntityHashMap<Entity>) {
        for entity in self.structures.iter_mut().flatten() {
            if let Some(&replaced) = entities.get(entity) {
                *entity = replaced;
            }
        }
        for value in self.slots.iter_mut().flatten() {
            self.rules.replace(value, entities);
        }
    }

    fn checksum(&mut self, save: &Save, ids: &EntityHashMap<RollbackId>) -> Option<u64> {
        let entities = &self.structures[save.structure];
        let mut sum = 0_u64;
        for (entity, value) in entities.iter().zip(&mut self.slots[save.slot]) {
            let id = ids.get(entity).copied().unwrap_or_default();
            let hash = self.rules.hash(value, ids)?;
            // A sum does not depend on the order of the rows, which may differ between peers.
            sum = sum.wrapping_add(mix(id.get(), hash));
        }
        self.rules.is_compared().then_some(sum)
    }

    fn dump(
        &mut self,
        save: &Save,
        ids: &EntityHashMap<RollbackId>,
        limit: usize,
        rows: &mut Vec<DumpRow>,
    ) {
        let slot = &mut self.slots[save.slot];
        let mut order: Vec<_> = self.structures[save.structure]
            .iter()
            .enumerate()
            .map(|(row, entity)| (ids.get(entity).copied().unwrap_or_default(), row))
            .collect();
        order.sort_unstable();
        for (id, row) in order.into_iter().take(limit.saturating_sub(rows.len())) {
            let value = &mut slot[row];
            let Some(hash) = self.rules.hash(value, ids) else {
                return;
            };
            rows.push(DumpRow {
                type_name: type_name::<T>(),
                id: Some(id),
                hash,
                text: self.rules.text(value, ids),
            });
        }
    }
}
