//! Which components refer to which entities.

use std::collections::{BTreeMap, BTreeSet};

use huddle_snapshot::{ComponentId, id::EntityId};

/// The component of an entity.
pub(crate) type Referrer = (EntityId, ComponentId);

/// The components that refer to entities, which `T` identifies.
#[derive(Debug)]
pub(crate) struct References<T> {
    targets: BTreeMap<EntityId, BTreeMap<ComponentId, Vec<T>>>,
    referrers: BTreeMap<T, BTreeSet<Referrer>>,
}

impl<T> Default for References<T> {
    fn default() -> Self {
        Self {
            targets: BTreeMap::new(),
            referrers: BTreeMap::new(),
        }
    }
}

impl<T: Copy + Ord> References<T> {
    /// Sets what a component refers to. It replaces what the previous value referred to.
    pub(crate) fn set(&mut self, (id, component): Referrer, targets: &[T]) {
        let components = self.targets.get_mut(&id);
        let before = components.and_then(|components| components.remove(&component));
        self.forget((id, component), before.as_deref().unwrap_or_default());
        if targets.is_empty() {
            if self.targets.get(&id).is_some_and(BTreeMap::is_empty) {
                self.targets.remove(&id);
            }
            return;
        }
        for target in targets {
            let referrers = self.referrers.entry(*target).or_default();
            referrers.insert((id, component));
        }
        let components = self.targets.entry(id).or_default();
        components.insert(component, targets.to_vec());
    }

    /// Forgets the components of an entity.
    pub(crate) fn remove(&mut self, id: EntityId) {
        for (component, targets) in self.targets.remove(&id).into_iter().flatten() {
            self.forget((id, component), &targets);
        }
    }

    /// Returns the components that refer to an entity.
    pub(crate) fn to(&self, target: T) -> impl Iterator<Item = Referrer> {
        self.referrers.get(&target).into_iter().flatten().copied()
    }

    fn forget(&mut self, referrer: Referrer, targets: &[T]) {
        for target in targets {
            if let Some(referrers) = self.referrers.get_mut(target) {
                referrers.remove(&referrer);
                if referrers.is_empty() {
                    self.referrers.remove(target);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use huddle_snapshot::{Component, Layout, Shape};

    use super::*;

    #[test]
    fn references_are_found_from_both_ends_and_leave_nothing() {
        let names = ["a", "b"].map(|name| Component::new(name, Shape::Blob));
        let layout = Layout::new(names).unwrap();
        let [a, b] = ["a", "b"].map(|name| layout.id(name).unwrap());
        let [one, two] = [1, 2].map(EntityId::placed);
        let mut references = References::default();
        references.set((one, a), &[7, 8, 7]);
        references.set((one, b), &[8]);
        references.set((two, a), &[8]);
        let to = |references: &References<_>, target| references.to(target).collect::<Vec<_>>();
        assert_eq!(to(&references, 8), [(one, a), (one, b), (two, a)]);
        references.set((one, a), &[9]);
        assert_eq!(to(&references, 7), []);
        assert_eq!(to(&references, 8), [(one, b), (two, a)]);
        references.remove(one);
        assert_eq!(to(&references, 8), [(two, a)]);
        references.set((two, a), &[]);
        assert!(references.targets.is_empty() && references.referrers.is_empty());
    }
}
