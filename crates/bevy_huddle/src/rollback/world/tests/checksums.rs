//! Checksums and dumps.

use std::collections::HashMap;

use bevy::{ecs::entity::EntityHashMap, prelude::*};
use huddle_session::Tick;
use serde::Serialize;

use super::game::{AimsAt, Place, Score, Secret, Shield, Target, new_game};
use crate::rollback::world::{Rollback, StateHasher, WorldStore};

fn hash<T: Serialize + ?Sized>(value: &T) -> u64 {
    let ids = EntityHashMap::default();
    let mut hasher = StateHasher::new(&ids);
    hasher.value(value);
    hasher.finish()
}

fn checksum(world: &mut World, store: &mut WorldStore) -> u64 {
    store.save(world, Tick(0));
    store.checksum(Tick(0)).expect("the tick is saved")
}

#[test]
fn hash_ignores_nan_bits_and_the_sign_of_zero() {
    let other_nan = f32::from_bits(f32::NAN.to_bits() | 1);
    assert_eq!(hash(&f32::NAN), hash(&other_nan));
    assert_eq!(hash(&f64::NAN), hash(&-f64::NAN));
    assert_eq!(hash(&0.0_f32), hash(&-0.0_f32));
    assert_ne!(hash(&0.0_f32), hash(&f32::MIN_POSITIVE));
    assert_ne!(hash(&1.0_f32), hash(&f32::NAN));
}

#[test]
fn hash_ignores_the_order_of_maps() {
    let entries = [("a", 1), ("b", 2), ("c", 3)];
    let forward: HashMap<_, _> = entries.into_iter().collect();
    let backward: HashMap<_, _> = entries.into_iter().rev().collect();
    assert_eq!(hash(&forward), hash(&backward));
    let swapped: HashMap<_, _> = [("a", 2), ("b", 1), ("c", 3)].into_iter().collect();
    assert_ne!(hash(&forward), hash(&swapped));
}

#[test]
fn hash_distinguishes_shapes() {
    assert_ne!(hash(&vec![vec![1], vec![]]), hash(&vec![vec![], vec![1]]));
    assert_ne!(hash(&vec![Some(0)]), hash(&vec![None, Some(0)]));
    assert_ne!(hash("ab"), hash("ba"));
    assert_ne!(hash(&["a", "bc"]), hash(&["ab", "c"]));
    assert_ne!(hash(&(1, 2)), hash(&(2, 1)));
    assert_ne!(hash(&Some(Some(1))), hash(&Some(None::<i32>)));
}

/// A world with two ships that refer to each other. `offset` shifts all `Entity` values.
fn duel(offset: usize) -> (World, WorldStore) {
    let (mut world, store) = new_game();
    for _ in 0..offset {
        world.spawn_empty();
    }
    let a = world.spawn((Place(1.0, 2.0), Shield(1), Rollback)).id();
    let b = world
        .spawn((Place(3.0, 4.0), Rollback, Target { entity: a }))
        .id();
    world
        .entity_mut(a)
        .insert((AimsAt(b), Secret(offset as u64)));
    world.insert_resource(Score(vec![7]));
    (world, store)
}

#[test]
fn checksum_is_equal_for_other_entity_values() {
    let (mut world, mut store) = duel(0);
    let (mut other_world, mut other_store) = duel(5);
    let sum = checksum(&mut world, &mut store);
    assert_eq!(sum, checksum(&mut other_world, &mut other_store));
}

#[test]
fn checksum_differs_for_each_difference() {
    let change: [fn(&mut World); 6] = [
        |world| world.resource_mut::<Score>().0.push(1),
        |world| _ = world.remove_resource::<Score>(),
        |world| _ = world.spawn(Rollback),
        |world| {
            let entity = world
                .query_filtered::<Entity, With<Shield>>()
                .single(world)
                .unwrap();
            world.entity_mut(entity).remove::<Shield>();
        },
        |world| {
            let mut query = world.query::<(Entity, &mut Target)>();
            let (entity, mut target) = query.single_mut(world).unwrap();
            target.entity = entity;
        },
        |world| {
            let entity = world
                .query_filtered::<Entity, With<AimsAt>>()
                .single(world)
                .unwrap();
            world.entity_mut(entity).remove::<AimsAt>();
        },
    ];
    let (mut world, mut store) = duel(0);
    let expected = checksum(&mut world, &mut store);
    for change in change {
        let (mut world, mut store) = duel(0);
        change(&mut world);
        assert_ne!(checksum(&mut world, &mut store), expected);
    }
}

#[test]
fn swapped_values_change_the_checksum() {
    let (mut world, mut store) = duel(0);
    let expected = checksum(&mut world, &mut store);
    for mut place in world.query::<&mut Place>().iter_mut(&mut world) {
        *place = if place.0 == 1.0 {
            Place(3.0, 4.0)
        } else {
            Place(1.0, 2.0)
        };
    }
    assert_ne!(checksum(&mut world, &mut store), expected);
}

#[test]
fn checksum_of_a_tick_that_is_not_saved_is_none() {
    let (_, mut store) = new_game();
    assert_eq!(store.checksum(Tick(0)), None);
    assert!(store.dump(Tick(0), 10).is_empty());
}

#[test]
fn dump_names_type_entity_and_fields() {
    let (mut world, mut store) = duel(3);
    store.save(&mut world, Tick(0));
    let rows = store.dump(Tick(0), 100);
    let lines: Vec<_> = rows
        .iter()
        .map(|row| {
            let name = row.type_name.rsplit("::").next().unwrap_or_default();
            format!("{name} {:?} {}", row.id.map(|id| id.get()), row.text)
        })
        .collect();
    // The target is the ship with id 0.
    assert_eq!(
        lines,
        [
            "Place Some(0) Place(1.0, 2.0)",
            "Place Some(1) Place(3.0, 4.0)",
            "Shield Some(0) Shield(1)",
            "Target Some(1) Target { entity: 1 }",
            "AimsAt Some(0) ",
            "Score None Score([7])",
        ]
    );
}

#[test]
fn dump_has_at_most_the_requested_rows() {
    let (mut world, mut store) = duel(0);
    store.save(&mut world, Tick(0));
    assert_eq!(store.dump(Tick(0), 3).len(), 3);
}

#[test]
fn equal_dumps_have_equal_hashes() {
    let (mut world, mut store) = duel(0);
    let (mut other_world, mut other_store) = duel(5);
    store.save(&mut world, Tick(0));
    other_store.save(&mut other_world, Tick(9));
    assert_eq!(store.dump(Tick(0), 100), other_store.dump(Tick(9), 100));
}
