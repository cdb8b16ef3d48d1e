//! The saved values of a resource.

use std::any::type_name;

use bevy::{
    ecs::{component::Mutable, entity::EntityHashMap},
    prelude::*,
};

use super::{
    super::{dump::DumpRow, ids::RollbackId, positions::Positions, save::Save, value::ValueRules},
    Column, Registered, RegisteredKind,
};

/// The value in each slot. A resource that did not exist leaves its old value for reuse.
struct Slot<R> {
    exists: bool,
    value: Option<R>,
}

pub(in super::super) struct ResourceColumn<R> {
    rules: ValueRules<R>,
    slots: Vec<Slot<R>>,
}

impl<R> ResourceColumn<R> {
    pub(in super::super) fn new(rules: ValueRules<R>) -> Self {
        Self {
            rules,
            slots: Vec::new(),
        }
    }
}

impl<R: Resource<Mutability = Mutable> + Clone> Column for ResourceColumn<R> {
    fn registered(&self) -> Registered {
        Registered {
            name: type_name::<R>(),
            kind: RegisteredKind::Resource,
            compared: self.rules.is_compared(),
        }
    }

    fn add_slot(&mut self) {
        self.slots.push(Slot {
            exists: false,
            value: None,
        });
    }

    fn save(&mut self, world: &mut World, save: &Save, _: bool) {
        let slot = &mut self.slots[save.slot];
        let current = world.get_resource::<R>();
        slot.exists = current.is_some();
        match (&mut slot.value, current) {
            (Some(saved), Some(current)) => {
                self.rules.assign(saved, current);
            }
            (saved @ None, Some(current)) => *saved = Some(current.clone()),
            (_, None) => {}
        }
    }

    fn reinsert(&mut self, _: &mut World, _: &Save, _: bool) -> bool {
        false
    }

    fn insert_missing(&mut self, _: &mut World, _: &Save) {}

    fn remove_surplus(&mut self, _: &mut World, _: &Save, _: &Positions) {}

    fn is_restored(&mut self, _: &mut World, _: &Save, _: &Positions) -> bool {
        true
    }

    fn write(&mut self, world: &mut World, save: &Save, _: bool) {
        let Slot {
            exists: true,
            value: Some(saved),
        } = &self.slots[save.slot]
        else {
            // Removing a resource that does not exist would still look it up by type.
            if world.contains_resource::<R>() {
                world.remove_resource::<R>();
            }
            return;
        };
        let Some(mut current) = world.get_resource_mut::<R>() else {
            world.insert_resource(saved.clone());
            return;
        };
        if self.rules.assign(current.bypass_change_detection(), saved) {
            current.set_changed();
        }
    }

    fn replace(&mut self, entities: &mut EntityHashMap<Entity>) {
        for value in self.slots.iter_mut().filter_map(|slot| slot.value.as_mut()) {
            self.rules.replace(value, entities);
        }
    }

    fn checksum(&mut self, save: &Save, ids: &EntityHashMap<RollbackId>) -> Option<u64> {
        let slot = &mut self.slots[save.slot];
        match slot.value.as_mut().filter(|_| slot.exists) {
            Some(value) => self.rules.hash(value, ids),
            // A missing resource differs from every value.
            None => self.rules.is_compared().then_some(0),
        }
    }

    fn dump(
        &mut self,
        save: &Save,
        ids: &EntityHashMap<RollbackId>,
        limit: usize,
        rows: &mut Vec<DumpRow>,
    ) {
        let slot = &mut self.slots[save.slot];
        let value = slot.value.as_mut().filter(|_| slot.exists);
        if rows.len() < limit
            && let Some(value) = value
            && let Some(hash) = self.rules.hash(value, ids)
        {
            rows.push(DumpRow {
                type_name: type_name::<R>(),
                id: None,
                hash,
                text: self.rules.text(value, ids),
            });
        }
    }
}
