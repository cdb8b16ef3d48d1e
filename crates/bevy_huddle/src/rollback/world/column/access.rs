//! How a store reads and changes mutable and immutable components.

use std::slice;

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

/// All entities with the component, including those that the game disabled.
type RefQuery<T> = QueryState<(Entity, &'static T, Has<Disabled>), With<Rollback>>;
type MutQuery<T> = QueryState<(Entity, &'static mut T, Has<Disabled>), With<Rollback>>;

/// How a store changes a component: implemented for the two kinds of mutability in Bevy.
///
/// You cannot implement it. It appears in bounds because both kinds can be registered.
pub trait Access<T: Component>: sealed::Sealed + 'static {
    /// The query of a column. Saves and loads use the same one, because two queries may return
    /// tables in different orders.
    #[doc(hidden)]
    type Query: Send + Sync;

    #[doc(hidden)]
    fn query(world: &mut World) -> Self::Query;

    /// Calls `read` with slices of all rows.
    #[doc(hidden)]
    fn read(query: &mut Self::Query, world: &World, read: impl FnMut(&[Entity], &[T]));

    /// Inserts saved values again where they differ. Returns `true` if there were any.
    #[doc(hidden)]
    fn reinsert(
        query: &mut Option<Self::Query>,
        world: &mut World,
        saved: &SavedValues<T>,
        same_structure: bool,
    ) -> bool;

    /// Writes saved values in place.
    #[doc(hidden)]
    fn write(
        query: &mut Self::Query,
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
    type Query = MutQuery<T>;

    fn query(world: &mut World) -> MutQuery<T> {
        QueryState::new(world)
    }

    fn read(query: &mut MutQuery<T>, world: &World, mut read: impl FnMut(&[Entity], &[T])) {
        if let Ok(tables) = query.contiguous_iter(world) {
            tables.for_each(|(entities, values, _)| read(entities, values));
            return;
        }
        for (entity, value, _) in query.iter(world) {
            read(&[entity], slice::from_ref(value));
        }
    }

    fn reinsert(_: &mut Option<MutQuery<T>>, _: &mut World, _: &SavedValues<T>, _: bool) -> bool {
        false
    }

    fn write(
        query: &mut MutQuery<T>,
        world: &mut World,
        saved: &SavedValues<T>,
        same_structure: bool,
    ) {
        if same_structure && write_rows(query, world, saved) {
            return;
        }
        for (&entity, value) in saved.entities.iter().zip(saved.values) {
            if let Ok((_, target, _)) = query.get_mut(world, entity) {
                assign(target, value, saved.rules);
            }
        }
    }
}

/// Writes whole tables, or row by row if the component is not in tables. Returns `false` if the
/// rows are not the saved ones.
fn write_rows<T: Component<Mutability = Mutable> + Clone>(
    query: &mut MutQuery<T>,
    world: &mut World,
    saved: &SavedValues<T>,
) -> bool {
    let mut row = 0;
    if let Ok(tables) = query.contiguous_iter_mut(world) {
        for (_, targets, _) in tables {
            let (targets, mut ticks) = ContiguousMut::bypass_change_detection_split(targets);
            // The structure is the same, so the entities are, too.
            let Some(values) = saved.values.get(row..row + targets.len()) else {
                return false;
            };
            row += targets.len();
            let now = ticks.this_run();
            saved.rules.write(targets, values, ticks.changed_mut(), now);
        }
        return row == saved.values.len();
    }
    for (entity, target, _) in query.iter_mut(world) {
        if saved.entities.get(row) != Some(&entity) {
            return false;
        }
        assign(target, &saved.values[row], saved.rules);
        row += 1;
    }
    row == saved.entities.len()
}

fn assign<T: Component + Clone>(mut target: Mut<T>, source: &T, rules: ValueRules<T>) {
    if rules.assign(target.bypass_change_detection(), source) {
        target.set_changed();
    }
}

impl<T: Component<Mutability = Immutable> + Clone> Access<T> for Immutable {
    type Query = RefQuery<T>;

    fn query(world: &mut World) -> RefQuery<T> {
        QueryState::new(world)
    }

    fn read(query: &mut RefQuery<T>, world: &World, mut read: impl FnMut(&[Entity], &[T])) {
        if let Ok(tables) = query.contiguous_iter(world) {
            tables.for_each(|(entities, values, _)| read(entities, values));
            return;
        }
        for (entity, value, _) in query.iter(world) {
            read(&[entity], slice::from_ref(value));
        }
    }

    fn reinsert(
        query: &mut Option<RefQuery<T>>,
        world: &mut World,
        saved: &SavedValues<T>,
        same_structure: bool,
    ) -> bool {
        if same_structure
            && let Some(query) = query
            && let Ok(mut tables) = query.contiguous_iter(world)
        {
            let mut values = saved.values;
            let all_identical = tables.all(|(_, current, _)| {
                let (saved_values, rest) = values.split_at(current.len().min(values.len()));
                values = rest;
                saved.rules.are_identical(current, saved_values)
            });
            if all_identical {
                return false;
            }
        }
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

    fn write(_: &mut RefQuery<T>, _: &mut World, _: &SavedValues<T>, _: bool) {}
}
