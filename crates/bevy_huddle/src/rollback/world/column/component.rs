//! The saved values of a component.

use std::any::type_name;

use bevy::{ecs::entity::EntityHashMap, prelude::*};

use super::{
    super::{dump::DumpRow, hash::mix, ids::RollbackId, structure::Position, value::ValueRules},
    Column, Registered, RegisteredKind,
    access::{Access, SavedValues},
};

/// One saved state, in the order in which the query returns the rows.
struct Slot<T> {
    entities: Vec<Entity>,
    values: Vec<T>,
}

pub(in super::super) struct ComponentColumn<T: Component>
where
    T::Mutability: Access<T>,
{
    rules: ValueRules<T>,
    query: Option<<T::Mutability as Access<T>>::Query>,
    slots: Vec<Slot<T>>,
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
            had_component: Vec::new(),
            surplus: Vec::new(),
        }
    }

    /// Lists the saved entities that have the component and did not have it in the slot.
    fn find_surplus(&mut self, world: &mut World, slot: usize, saved: &EntityHashMap<Position>) {
        self.had_component.clear();
        self.had_component.resize(saved.len(), false);
        for entity in &self.slots[slot].entities {
            let position = saved.get(entity);
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
                let position = saved.get(*entity);
                position
                    .is_some_and(|position| self.had_component.get(position.index) == Some(&false))
            });
            self.surplus.extend(surplus);
        });
    }

    fn saved(&self, slot: usize) -> SavedValues<'_, T> {
        let slot = &self.slots[slot];
        SavedValues {
            entities: &slot.entities,
            values: &slot.values,
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
        self.slots.push(Slot {
            entities: Vec::new(),
            values: Vec::new(),
        });
    }

    fn save(&mut self, world: &mut World, slot: usize) {
        let query = self
            .query
            .get_or_insert_with(|| T::Mutability::query(world));
        let slot = &mut self.slots[slot];
        slot.entities.clear();
        let mut len = 0;
        T::Mutability::read(query, world, |entities, values| {
            slot.entities.extend_from_slice(entities);
            self.rules.copy(&mut slot.values, len, values);
            len += values.len();
        });
        slot.values.truncate(len);
    }

    fn reinsert(&mut self, world: &mut World, slot: usize) -> bool {
        T::Mutability::reinsert(world, &self.saved(slot))
    }

    fn insert_missing(&mut self, world: &mut World, slot: usize) {
        let slot = &self.slots[slot];
        for (&entity, value) in slot.entities.iter().zip(&slot.values) {
            if let Ok(mut entity) = world.get_entity_mut(entity)
                && !entity.contains::<T>()
            {
                entity.insert(value.clone());
            }
        }
    }

    fn remove_surplus(&mut self, world: &mut World, slot: usize, saved: &EntityHashMap<Position>) {
        self.find_surplus(world, slot, saved);
        for &entity in &self.surplus {
            if let Ok(mut entity) = world.get_entity_mut(entity) {
                entity.remove::<T>();
            }
        }
    }

    fn is_restored(
        &mut self,
        world: &mut World,
        slot: usize,
        saved: &EntityHashMap<Position>,
    ) -> bool {
        self.find_surplus(world, slot, saved);
        let mut entities = self.slots[slot].entities.iter();
        self.surplus.is_empty() && entities.all(|&entity| world.get::<T>(entity).is_some())
    }

    fn write(&mut self, world: &mut World, slot: usize, same_structure: bool) {
        let slot = &self.slots[slot];
        let saved = SavedValues {
            entities: &slot.entities,
            values: &slot.values,
            rules: self.rules,
        };
        let query = self
            .query
            .get_or_insert_with(|| T::Mutability::query(world));
        T::Mutability::write(query, world, &saved, same_structure);
    }

    fn replace(&mut self, entities: &mut EntityHashMap<Entity>) {
        for slot in &mut self.slots {
            for entity in &mut slot.entities {
                if let Some(&replaced) = entities.get(entity) {
                    *entity = replaced;
                }
            }
            for value in &mut slot.values {
                self.rules.replace(value, entities);
            }
        }
    }

    fn checksum(&mut self, slot: usize, ids: &EntityHashMap<RollbackId>) -> Option<u64> {
        let slot = &mut self.slots[slot];
        let mut sum = 0_u64;
        for (entity, value) in slot.entities.iter().zip(&mut slot.values) {
            let id = ids.get(entity).copied().unwrap_or_default();
            let hash = self.rules.hash(value, ids)?;
            // A sum does not depend on the order of the rows, which may differ between peers.
            sum = sum.wrapping_add(mix(id.get(), hash));
        }
        self.rules.is_compared().then_some(sum)
    }

    fn dump(
        &mut self,
        slot: usize,
        ids: &EntityHashMap<RollbackId>,
        limit: usize,
        rows: &mut Vec<DumpRow>,
    ) {
        let slot = &mut self.slots[slot];
        let mut order: Vec<_> = slot
            .entities
            .iter()
            .enumerate()
            .map(|(row, entity)| (ids.get(entity).copied().unwrap_or_default(), row))
            .collect();
        order.sort_unstable();
        for (id, row) in order.into_iter().take(limit.saturating_sub(rows.len())) {
            let value = &mut slot.values[row];
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
