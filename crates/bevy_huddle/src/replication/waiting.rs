//! Components that refer to entities which are not known yet.

use std::{collections::HashMap, hash::Hash};

use huddle_snapshot::{ComponentId, id::EntityId};

/// The component of an entity.
pub(crate) type Referrer = (EntityId, ComponentId);

/// The components that wait for entities, which `T` identifies.
#[derive(Debug)]
pub(crate) struct Waiting<T>(HashMap<Referrer, Vec<T>>);

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Copy + Eq + Hash> Waiting<T> {
    /// Sets what a component waits for. It replaces what the previous value waited for.
    pub(crate) fn set(&mut self, referrer: Referrer, missing: &[T]) {
        match missing.is_empty() {
            true => drop(self.0.remove(&referrer)),
            false => drop(self.0.insert(referrer, missing.to_vec())),
        }
    }

    /// Forgets an entity.
    pub(crate) fn remove(&mut self, id: EntityId) {
        self.0.retain(|(waiting, _), _| *waiting != id);
    }

    /// Takes the components that wait for at least one entity that is known now.
    pub(crate) fn take_ready(&mut self, is_known: impl Fn(T) -> bool) -> Vec<Referrer> {
        let is_ready = |missing: &Vec<T>| missing.iter().any(|missing| is_known(*missing));
        let ready = self.0.iter().filter(|(_, missing)| is_ready(missing));
        let mut ready: Vec<_> = ready.map(|(referrer, _)| *referrer).collect();
        // The order of the map is random.
        ready.sort_unstable();
        for referrer in &ready {
            self.0.remove(referrer);
        }
        ready
    }
}
