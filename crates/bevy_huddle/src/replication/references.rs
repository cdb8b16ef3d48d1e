//! Which components refer to which entities.

use std::collections::BTreeMap;

use huddle_snapshot::{ComponentId, ComponentSet, id::EntityId};

/// The component of an entity.
pub(crate) type Referrer = (EntityId, ComponentId);

/// The components that refer to entities, which `T` identifies.
#[derive(Debug)]
pub(crate) struct References<T> {
    targets: BTreeMap<EntityId, BTreeMap<ComponentId, Targets<T>>>,
    /// The components of each entity that refer to a target. One map takes far less memory than one for each
    /// target, of which a peer can name many.
    referrers: BTreeMap<(T, EntityId), ComponentSet>,
}

/// What a component refers to.
#[derive(Debug)]
struct Targets<T> {
    of: Vec<T>,
    /// The version of the map of entities that the component agrees with.
    version: u64,
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
    /// Sets what a component refers to, which was found in this version of the map of entities. It replaces
    /// what the previous value referred to.
    pub(crate) fn set(&mut self, (id, component): Referrer, targets: &[T], version: u64) {
        let components = self.targets.get_mut(&id);
        let before = components.and_then(|components| components.get_mut(&component));
        match before {
            Some(before) if before.of == targets => {
                before.version = version;
                return;
            }
            Some(before) => {
                let before = std::mem::take(&mut before.of);
                self.forget((id, component), &before);
            }
            None if targets.is_empty() => return,
            None => {}
        }
        for target in targets {
            let components = self.referrers.entry((*target, id)).or_default();
            components.insert(component);
        }
        let components = self.targets.entry(id).or_default();
        let of = targets.to_vec();
        components.insert(component, Targets { of, version });
        if targets.is_empty() {
            components.remove(&component);
            if components.is_empty() {
                self.targets.remove(&id);
            }
        }
    }

    /// Forgets the components of an entity.
    pub(crate) fn remove(&mut self, id: EntityId) {
        for (component, targets) in self.targets.remove(&id).into_iter().flatten() {
            self.forget((id, component), &targets.of);
        }
    }

    /// Returns the components that refer to an entity and agree only with versions before this one.
    pub(crate) fn outdated(&self, target: T, version: u64) -> impl Iterator<Item = Referrer> {
        // No id is lower.
        let all = self.referrers.range((target, EntityId::placed(0))..);
        let to_target = all.take_while(move |((other, _), _)| *other == target);
        let referrers = to_target.flat_map(|((_, id), components)| {
            let id = *id;
            components.iter().map(move |component| (id, component))
        });
        let is_outdated = move |(id, component): &Referrer| {
            let targets = self.targets.get(id).and_then(|it| it.get(component));
            targets.is_some_and(|targets| targets.version < version)
        };
        referrers.filter(is_outdated)
    }

    fn forget(&mut self, (id, component): Referrer, targets: &[T]) {
        for target in targets {
            if let Some(components) = self.referrers.get_mut(&(*target, id)) {
                components.remove(component);
                if components.is_empty() {
                    self.referrers.remove(&(*target, id));
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
        references.set((one, a), &[7, 8, 7], 1);
        references.set((one, b), &[8], 2);
        references.set((two, a), &[8], 3);
        let to = |references: &References<_>, target, version| {
            let outdated = references.outdated(target, version);
            outdated.collect::<Vec<_>>()
        };
        assert_eq!(to(&references, 8, 4), [(one, a), (one, b), (two, a)]);
        assert_eq!(to(&references, 8, 2), [(one, a)]);
        references.set((one, b), &[8], 4);
        references.set((one, a), &[9], 3);
        assert_eq!(to(&references, 7, 9), []);
        assert_eq!(to(&references, 8, 4), [(two, a)]);
        references.remove(one);
        assert_eq!(to(&references, 8, 9), [(two, a)]);
        references.set((two, a), &[], 9);
        assert!(references.targets.is_empty() && references.referrers.is_empty());
    }
}
