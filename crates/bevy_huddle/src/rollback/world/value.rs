//! What the store can do with the values of one type.

use std::mem::needs_drop;

use bevy::{
    ecs::{change_detection::Tick, component::Component, entity::EntityHashMap},
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
    rows: RowRules<T>,
}

/// The functions for whole tables. They contain the comparison of the type, so that a table costs no
/// call per row.
struct RowRules<T> {
    /// Copies saved values into a table, and the present tick into the changed ticks of those that
    /// differed.
    write: fn(&mut [T], &[T], &mut [Tick], Tick),
    are_equal: fn(&[T], &[T]) -> bool,
}

impl<T> Clone for RowRules<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for RowRules<T> {}

impl<T: Clone> RowRules<T> {
    const UNCHECKED: Self = Self {
        write: |targets, values, changed, now| write(targets, values, changed, now, |_, _| false),
        are_equal: |_, _| size_of::<T>() == 0,
    };

    const fn compared() -> Self
    where
        T: PartialEq,
    {
        Self {
            write: |targets, values, changed, now| {
                write(targets, values, changed, now, |a, b| a == b);
            },
            are_equal: |a, b| size_of::<T>() == 0 || a == b,
        }
    }
}

fn write<T: Clone>(
    targets: &mut [T],
    values: &[T],
    changed: &mut [Tick],
    now: Tick,
    equal: impl Fn(&T, &T) -> bool,
) {
    for ((target, value), changed) in targets.iter_mut().zip(values).zip(changed) {
        let is_equal = size_of::<T>() == 0 || equal(target, value);
        target.clone_from(value);
        // Without a branch, the compiler can use vector instructions.
        *changed = if is_equal { *changed } else { now };
    }
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
        rows: RowRules::UNCHECKED,
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
            rows: RowRules::compared(),
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
            rows: RowRules::compared(),
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

    /// Copies saved values into the rows of a table, and `now` into the ticks of those that differed.
    pub(super) fn write(&self, targets: &mut [T], values: &[T], changed: &mut [Tick], now: Tick) {
        if !needs_drop::<T>() {
            (self.rows.write)(targets, values, changed, now);
            return;
        }
        for ((target, value), changed) in targets.iter_mut().zip(values).zip(changed) {
            if self.assign(target, value) {
                *changed = now;
            }
        }
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

    /// Returns `true` if all values are [identical](Self::is_identical).
    pub(super) fn are_identical(&self, a: &[T], b: &[T]) -> bool {
        let mut pairs = a.iter().zip(b);
        a.len() == b.len()
            && (self.rows.are_equal)(a, b)
            && self
                .same_bits
                .is_none_or(|same| pairs.all(|(a, b)| same(a, b)))
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
