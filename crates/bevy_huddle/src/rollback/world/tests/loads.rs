//! What a load changes, and what it leaves.

use bevy::{ecs::entity_disabling::Disabled, prelude::*};
use huddle_session::Tick;

use super::game::{Bag, Place, Score, Shield, Sprite, describe, living, new_game};
use crate::rollback::world::{LoadError, RegisteredKind, Rollback, SimulatedTick};

#[test]
fn load_without_save_fails_and_changes_nothing() {
    let (mut world, mut store) = new_game();
    let entity = world.spawn((Place(1.0, 1.0), Rollback)).id();
    store.save(&mut world, Tick(5));
    store.release(Tick(5));
    let error = store.load(&mut world, Tick(5)).unwrap_err();
    assert_eq!(error, LoadError::NotSaved { tick: Tick(5) });
    assert_eq!(error.to_string(), "the state of tick 5 is not saved");
    assert_eq!(living(&world), [entity]);
}

#[test]
fn store_can_be_part_of_a_resource() {
    fn check<T: Send + Sync + 'static>(_: &T) {}
    check(&new_game().1);
}

#[test]
fn state_before_the_first_tick_is_loaded() {
    let (mut world, mut store) = new_game();
    store.save(&mut world, Tick(0));
    world.spawn((Place(1.0, 1.0), Rollback));
    world.resource_mut::<SimulatedTick>().0 = Tick(3);
    store.load(&mut world, Tick(0)).unwrap();
    assert!(living(&world).is_empty());
    assert_eq!(world.resource::<SimulatedTick>().0, Tick(0));
}

#[test]
fn sign_of_zero_is_restored_on_the_heap_and_in_tables() {
    let (mut world, mut store) = new_game();
    let entity = world
        .spawn((Place(-0.0, 0.0), Bag(vec![-0.0]), Rollback))
        .id();
    store.save(&mut world, Tick(0));
    *world.get_mut::<Place>(entity).unwrap() = Place(0.0, 0.0);
    world.get_mut::<Bag>(entity).unwrap().0[0] = 0.0;
    store.load(&mut world, Tick(0)).unwrap();
    assert!(world.get::<Place>(entity).unwrap().0.is_sign_negative());
    assert!(world.get::<Bag>(entity).unwrap().0[0].is_sign_negative());
}

#[test]
fn later_save_is_loaded_after_an_earlier_one() {
    let (mut world, mut store) = new_game();
    let first = world.spawn((Place(0.0, 0.0), Rollback)).id();
    store.save(&mut world, Tick(0));
    world.spawn((Place(1.0, 1.0), Shield(1), Rollback, ChildOf(first)));
    store.save(&mut world, Tick(1));
    let later = describe(&world);
    store.load(&mut world, Tick(0)).unwrap();
    store.load(&mut world, Tick(1)).unwrap();
    assert_eq!(describe(&world), later);
}

#[test]
fn local_children_keep_their_places() {
    let (mut world, mut store) = new_game();
    let parent = world.spawn(Rollback).id();
    let a = world.spawn((Rollback, ChildOf(parent))).id();
    let flame = world.spawn((Sprite, ChildOf(parent))).id();
    let b = world.spawn((Rollback, ChildOf(parent))).id();
    store.save(&mut world, Tick(0));
    world.get_mut::<Children>(parent).unwrap().swap(0, 2);
    store.load(&mut world, Tick(0)).unwrap();
    assert_eq!(**world.get::<Children>(parent).unwrap(), [a, flame, b]);
}

#[test]
fn disabled_entities_are_saved() {
    let (mut world, mut store) = new_game();
    let entity = world.spawn((Place(1.0, 1.0), Disabled, Rollback)).id();
    store.save(&mut world, Tick(0));
    world.get_mut::<Place>(entity).unwrap().0 = 2.0;
    store.load(&mut world, Tick(0)).unwrap();
    assert_eq!(world.get::<Place>(entity), Some(&Place(1.0, 1.0)));
}

#[test]
fn observer_that_undoes_a_load_is_reported() {
    let (mut world, mut store) = new_game();
    let entity = world.spawn((Place(1.0, 1.0), Rollback)).id();
    store.save(&mut world, Tick(0));
    world.entity_mut(entity).remove::<Place>();
    store.load(&mut world, Tick(0)).unwrap();
    assert!(!store.restorer.warned_of_observers);

    world.entity_mut(entity).insert(Bag(Vec::new()));
    store.save(&mut world, Tick(1));
    world.add_observer(|added: On<Add, Bag>, mut commands: Commands| {
        commands.entity(added.entity).remove::<Bag>();
    });
    world.entity_mut(entity).remove::<Bag>();
    store.load(&mut world, Tick(1)).unwrap();
    assert!(store.restorer.warned_of_observers);
}

#[test]
fn missing_and_surplus_resources_are_restored() {
    let (mut world, mut store) = new_game();
    store.save(&mut world, Tick(0));
    world.insert_resource(Score(vec![1]));
    store.save(&mut world, Tick(1));
    store.load(&mut world, Tick(0)).unwrap();
    assert!(!world.contains_resource::<Score>());
    store.load(&mut world, Tick(1)).unwrap();
    assert_eq!(world.resource::<Score>().0, [1]);
}

#[test]
fn registered_types_are_listed_once() {
    let (_, mut store) = new_game();
    let before: Vec<_> = store.registered().collect();
    store.component::<Place>();
    assert_eq!(store.registered().collect::<Vec<_>>(), before);
    let score = before.last().unwrap();
    assert_eq!(score.kind, RegisteredKind::Resource);
    assert!(score.name.ends_with("Score") && score.compared);
    let compared = before
        .iter()
        .filter(|registered| registered.compared)
        .count();
    assert_eq!(compared, before.len() - 1, "`Secret` is not compared");
}

#[test]
fn late_registration_drops_saves() {
    #[derive(Component, Clone)]
    struct Late;

    let (mut world, mut store) = new_game();
    store.save(&mut world, Tick(0));
    store.component_unchecked::<Late>();
    assert!(!store.is_saved(Tick(0)));
    let entity = world.spawn((Late, Rollback)).id();
    store.save(&mut world, Tick(1));
    world.entity_mut(entity).remove::<Late>();
    store.load(&mut world, Tick(1)).unwrap();
    assert!(world.get::<Late>(entity).is_some());
}
