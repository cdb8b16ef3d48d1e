//! Components that refer to entities which are not known yet.

use std::collections::BTreeMap;

use huddle_snapshot::{ComponentId, id::EntityId};

/// The component of an entity.
pub(crate) type Referrer = (EntityId, ComponentId);

/// The components that wait for entities, which `T` identifies.
#[derive(Debug)]
pub(crate) struct Waiting<T>(BTreeMap<EntityId, BTreeMap<ComponentId, Vec<T>>>);

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Copy> Waiting<T> {
    /// Sets what a component waits for. It replaces what the previous value waited for.
    pub(crate) fn set(&mut self, (id, component): Referrer, missing: &[T]) {
        if !missing.is_empty() {
            let components = self.0.entry(id).or_default();
            components.insert(component, missing.to_vec());
        } else if let Some(components) = self.0.get_mut(&id) {
            components.remove(&component);
            if components.is_empty() {
                self.0.remove(&id);
            }
        }
    }

    /// Forgets an entity.
    pub(crate) fn remove(&mut self, id: EntityId) {
        self.0.remove(&id);
    }

    /// Takes the components that wait for at least one entity that is known now.
    pub(crate) fn take_ready(&mut self, is_known: impl Fn(T) -> bool) -> Vec<Referrer> {
        let mut ready = Vec::new();
        self.0.retain(|id, components| {
            components.retain(|component, missing| {
                let is_ready = missing.iter().any(|missing| is_known(*missing));
                if is_ready {
                    ready.push((*id, *component));
                }
                !is_ready
            });
            !components.is_empty()
        });
        ready
    }
}
