use std::fmt;

/// The maximum number of component types that a game replicates.
pub const MAX_COMPONENTS: usize = 128;

/// The number of a component type in a [`Layout`](super::Layout), below [`MAX_COMPONENTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentId(u8);

impl ComponentId {
    /// The lowest id.
    pub(crate) const FIRST: Self = Self(0);

    /// The highest id.
    pub(crate) const LAST: Self = Self(MAX_COMPONENTS as u8 - 1);

    /// Returns the id with this number, or `None` if the number is too large.
    pub fn new(index: usize) -> Option<Self> {
        let id = u8::try_from(index).ok()?;
        (index < MAX_COMPONENTS).then_some(Self(id))
    }

    /// The number of the component type.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of component types.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ComponentSet(u128);

impl ComponentSet {
    /// The set without components.
    pub const EMPTY: Self = Self(0);

    /// Returns `true` if the set contains no components.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns `true` if the set contains the component.
    pub const fn contains(self, id: ComponentId) -> bool {
        self.0 & (1 << id.0) != 0
    }

    /// Returns `true` if the set contains the component with this number.
    pub(crate) const fn has(self, index: usize) -> bool {
        index < MAX_COMPONENTS && self.0 & (1 << index) != 0
    }

    /// Adds a component.
    pub const fn insert(&mut self, id: ComponentId) {
        self.0 |= 1 << id.0;
    }

    /// Removes a component.
    pub const fn remove(&mut self, id: ComponentId) {
        self.0 &= !(1 << id.0);
    }

    /// Returns the components that are in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the components that are in this set but not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the components in ascending order.
    pub fn iter(self) -> impl Iterator<Item = ComponentId> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let lowest = rest.trailing_zeros() as u8;
            rest &= rest.wrapping_sub(1);
            (lowest < 128).then_some(ComponentId(lowest))
        })
    }
}

impl FromIterator<ComponentId> for ComponentSet {
    fn from_iter<I: IntoIterator<Item = ComponentId>>(ids: I) -> Self {
        let mut set = Self::EMPTY;
        for id in ids {
            set.insert(id);
        }
        set
    }
}

impl fmt::Debug for ComponentSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|id| id.0)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(ids: &BTreeSet<usize>) -> ComponentSet {
        ids.iter().filter_map(|&id| ComponentId::new(id)).collect()
    }

    proptest! {
        #[test]
        fn sets_agree_with_a_model(
            a in prop::collection::btree_set(0..MAX_COMPONENTS, 0..20),
            b in prop::collection::btree_set(0..MAX_COMPONENTS, 0..20),
        ) {
            let ids: Vec<_> = set(&a).iter().map(ComponentId::index).collect();
            prop_assert_eq!(ids, a.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(set(&a).union(set(&b)), set(&(&a | &b)));
            prop_assert_eq!(set(&a).without(set(&b)), set(&(&a - &b)));
            let mut emptied = set(&a);
            for id in emptied.iter() {
                prop_assert!(emptied.contains(id));
                emptied.remove(id);
            }
            prop_assert!(emptied.is_empty());
        }
    }

    #[test]
    fn ids_beyond_the_limit_do_not_exist() {
        assert!(ComponentId::new(MAX_COMPONENTS - 1).is_some());
        assert_eq!(ComponentId::new(MAX_COMPONENTS), None);
        assert_eq!(ComponentId::new(256), None);
    }
}
