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
    fn reinsert(world: &mut World, saved: &SavedValues<T>) -> bool;

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

    fn reinsert(_: &mut World, _: &SavedValues<T>) -> bool {
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
        for (entities, targets, _) in tables {
            let rows = row..row + entities.len();
            row = rows.end;
            if saved.entities.get(rows.clone()) != Some(entities) {
                return false;
            }
            assign_table(targets, &saved.values[rows], saved.rules);
        }
        return row == saved.entities.len();
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

    fn write(_: &mut RefQuery<T>, _: &mut World, _: &SavedValues<T>, _: bool) {}
}
