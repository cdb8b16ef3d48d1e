//! How a load changes mutable and immutable components.

use bevy::{
    ecs::{
        change_detection::ContiguousMut,
        component::{Immutable, Mutable},
        entity_disabling::Disabled,
        query::QueryState,
    },
    prelude::*,
};

use super::super::{ids::Rollback, value::ValueRules};

type MutQuery<T> = QueryState<(Entity, &'static mut T, Has<Disabled>), With<Rollback>>;

/// How a load changes a component: implemented for the two kinds of mutability in Bevy.
///
/// You cannot implement it. It appears in bounds because both kinds can be registered.
pub trait Access<T: Component>: sealed::Sealed + 'static {
    /// What a column keeps between loads.
    #[doc(hidden)]
    type State: Default + Send + Sync;

    /// Inserts saved values again where they differ. Returns `true` if there were any.
    #[doc(hidden)]
    fn reinsert(world: &mut World, saved: &SavedValues<T>) -> bool;

    /// Writes saved values in place.
    #[doc(hidden)]
    fn write(
        state: &mut Self::State,
        world: &mut World,
        saved: &SavedValues<T>,
        same_structure: bool,
    );
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Mutable {}
    impl Sealed for super::Immutable {}
}

/// Saved values in the order of the rows.
#[doc(hidden)]
pub struct SavedValues<'a, T> {
    pub(super) entities: &'a [Entity],
    pub(super) values: &'a [T],
    pub(super) rules: ValueRules<T>,
}

impl<T: Component<Mutability = Mutable> + Clone> Access<T> for Mutable {
    type State = Option<MutQuery<T>>;

    fn reinsert(_: &mut World, _: &SavedValues<T>) -> bool {
        false
    }

    fn write(
        state: &mut Self::State,
        world: &mut World,
        saved: &SavedValues<T>,
        same_structure: bool,
    ) {
        let query = state.get_or_insert_with(|| QueryState::new(world));
        if !same_structure {
            for (&entity, value) in saved.entities.iter().zip(saved.values) {
                if let Ok((_, target, _)) = query.get_mut(world, entity) {
                    assign(target, value, saved.rules);
                }
            }
            return;
        }
        if let Ok(tables) = query.contiguous_iter_mut(world) {
            let mut values = saved.values;
            for (entities, targets, _) in tables {
                // Equal structures have equal rows, so this never panics.
                let (table, rest) = values.split_at(entities.len().min(values.len()));
                values = rest;
                assign_table(targets, table, saved.rules);
            }
            return;
        }
        for ((_, target, _), value) in query.iter_mut(world).zip(saved.values) {
            assign(target, value, saved.rules);
        }
    }
}

fn assign<T: Component + Clone>(mut target: Mut<T>, source: &T, rules: ValueRules<T>) {
    if rules.assign(target.bypass_change_detection(), source) {
        target.set_changed();
    }
}

fn assign_table<T: Component + Clone>(
    targets: ContiguousMut<T>,
    source: &[T],
    rules: ValueRules<T>,
) {
    let (targets, mut ticks) = ContiguousMut::bypass_change_detection_split(targets);
    let now = ticks.this_run();
    let changed = ticks.changed_mut();
    for ((target, source), changed) in targets.iter_mut().zip(source).zip(changed) {
        if rules.assign(target, source) {
            *changed = now;
        }
    }
}

impl<T: Component<Mutability = Immutable> + Clone> Access<T> for Immutable {
    type State = ();

    fn reinsert(world: &mut World, saved: &SavedValues<T>) -> bool {
        let mut reinserted = false;
        for (&entity, value) in saved.entities.iter().zip(saved.values) {
            let differs = world
                .get::<T>(entity)
                .is_some_and(|current| !saved.rules.is_identical(current, value));
            if differs && let Ok(mut entity) = world.get_entity_mut(entity) {
                entity.insert(value.clone());
                reinserted = true;
            }
        }
        reinserted
    }

    fn write(_: &mut (), _: &mut World, _: &SavedValues<T>, _: bool) {}
}
