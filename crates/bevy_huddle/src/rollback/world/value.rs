//! What the store can do with the values of one type.

use std::mem::needs_drop;

use bevy::{
    ecs::{component::Component, entity::EntityHashMap},
    prelude::Entity,
};
use serde::Serialize;

use super::{
    hash::{EntityProbe, StateHasher, ToRollbackIds, exact_hash},
    ids::RollbackId,
    text,
};

/// The functions of a type, depending on how the type was registered.
pub(super) struct ValueRules<T> {
    /// `None` for types that are saved without being compared.
    equal: Option<fn(&T, &T) -> bool>,
    hash: Option<fn(&T, &mut StateHasher)>,
    /// Whether two values that are `equal` have the same bits, such as the sign of zero.
    same_bits: Option<fn(&T, &T) -> bool>,
    text: Option<fn(&T) -> String>,
}

impl<T> Clone for ValueRules<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ValueRules<T> {}

impl<T: Component + Clone> ValueRules<T> {
    pub(super) const UNCHECKED: Self = Self {
        equal: None,
        hash: None,
        same_bits: None,
        text: None,
    };

    pub(super) fn compared() -> Self
    where
        T: PartialEq + Serialize,
    {
        Self {
            equal: Some(|a, b| a == b),
            hash: Some(|value, hasher| hasher.value(value)),
            same_bits: Some(|a, b| exact_hash(a).is_some_and(|hash| exact_hash(b) == Some(hash))),
            text: Some(text::to_text::<T>),
        }
    }

    pub(super) fn hashed(hash: fn(&T, &mut StateHasher)) -> Self
    where
        T: PartialEq,
    {
        Self {
            equal: Some(|a, b| a == b),
            hash: Some(hash),
            same_bits: None,
            text: None,
        }
    }

    pub(super) fn is_compared(&self) -> bool {
        self.hash.is_some()
    }

    /// Returns `false` if the values differ or cannot be compared. Values without data are equal.
    fn is_equal(&self, a: &T, b: &T) -> bool {
        size_of::<T>() == 0 || self.equal.is_some_and(|equal| equal(a, b))
    }

    /// Copies `source` into `target`. Returns `true` if the values differed, as far as the type can
    /// tell.
    ///
    /// Plain data is always written, because `-0.0 == 0.0`. Data on the heap is expensive to write,
    /// so it is skipped if the bits are the same.
    pub(super) fn assign(&self, target: &mut T, source: &T) -> bool {
        let equal = self.is_equal(target, source);
        if needs_drop::<T>() && equal && self.same_bits.is_some_and(|same| same(target, source)) {
            return false;
        }
        target.clone_from(source);
        !equal
    }

    /// Copies `source` into `target` without comparing plain data.
    pub(super) fn copy(&self, target: &mut Vec<T>, start: usize, source: &[T]) {
        let (old, new) = source.split_at(source.len().min(target.len() - start));
        let reused = &mut target[start..start + old.len()];
        if needs_drop::<T>() {
            for (target, source) in reused.iter_mut().zip(old) {
                self.assign(target, source);
            }
        } else {
            reused.clone_from_slice(old);
        }
        target.extend_from_slice(new);
    }

    /// Returns `true` if the values have the same bits as far as the type can tell.
    pub(super) fn is_identical(&self, a: &T, b: &T) -> bool {
        self.is_equal(a, b) && self.same_bits.is_none_or(|same| same(a, b))
    }

    /// Hashes a value, with each [`Entity`] in it replaced by its [`RollbackId`]. Returns `None` if
    /// the type is not compared.
    ///
    /// Finds the entities with `Component::map_entities`: fields with `#[entities]`.
    pub(super) fn hash(&self, value: &mut T, ids: &EntityHashMap<RollbackId>) -> Option<u64> {
        let hash = self.hash?;
        let mut hasher = StateHasher::new(ids);
        let mut probe = EntityProbe::default();
        // Changes nothing. Most types have no entities, and then it costs nothing either.
        T::map_entities(value, &mut probe);
        // A custom function calls `StateHasher::entity` with the actual entity.
        if probe.found && self.same_bits.is_some() {
            let mut mapped = value.clone();
            T::map_entities(&mut mapped, &mut ToRollbackIds(ids));
            hash(&mapped, &mut hasher);
        } else {
            hash(value, &mut hasher);
        }
        Some(hasher.finish())
    }

    /// Writes a value as text, with each [`Entity`] in it replaced like in [`hash`](Self::hash).
    pub(super) fn text(&self, value: &T, ids: &EntityHashMap<RollbackId>) -> String {
        let Some(text) = self.text else {
            return String::new();
        };
        let mut mapped = value.clone();
        T::map_entities(&mut mapped, &mut ToRollbackIds(ids));
        text(&mapped)
    }

    /// Replaces entities that were spawned again.
    pub(super) fn replace(&self, value: &mut T, entities: &mut EntityHashMap<Entity>) {
        T::map_entities(value, entities);
    }
}
