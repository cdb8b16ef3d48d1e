//! Despawns, and what a rollback does with them.

use bevy::prelude::*;
use huddle_session::Tick;

use super::game::{AimedAtBy, AimsAt, Place, Sprite, Target, describe, living, new_game};
use crate::rollback::world::{
    DespawnRollback, Rollback, RollbackId, RollbackIds, SimulatedTick, Tombstone, WorldStore,
};

/// The number of `Remove` events of a type.
#[derive(Resource, Default)]
struct Removals(usize);

fn count_removals<T: Component>(_: On<Remove, T>, mut removals: ResMut<Removals>) {
    removals.0 += 1;
}

fn ship() -> impl Bundle {
    (Place(1.0, 2.0), Rollback)
}

/// Saves each of the ticks without changing anything.
fn save(world: &mut World, store: &mut WorldStore, ticks: std::ops::Range<u32>) {
    for tick in ticks {
        store.save(world, Tick(tick));
    }
}

fn despawn_in(world: &mut World, tick: u32, entity: Entity) {
    world.resource_mut::<SimulatedTick>().0 = Tick(tick);
    world.commands().entity(entity).despawn_rollback();
    world.flush();
}

#[test]
fn despawned_entity_is_hidden_from_queries() {
    let (mut world, _) = new_game();
    let entity = world.spawn(ship()).id();
    despawn_in(&mut world, 3, entity);
    assert_eq!(world.query::<&Place>().iter(&world).count(), 0);
    assert!(living(&world).is_empty());
    let tombstone = world
        .get::<Tombstone>(entity)
        .expect("the entity is hidden");
    assert_eq!(tombstone.tick(), Tick(3));
}

#[test]
fn load_revives_with_unregistered_components() {
    let (mut world, mut store) = new_game();
    let entity = world.spawn((ship(), Sprite)).id();
    store.save(&mut world, Tick(3));
    despawn_in(&mut world, 3, entity);
    store.load(&mut world, Tick(3)).unwrap();
    assert_eq!(living(&world), [entity]);
    assert!(world.get::<Sprite>(entity).is_some());
    assert_eq!(world.query::<&Place>().iter(&world).count(), 1);
}

#[test]
fn local_children_are_hidden_and_revived_with_their_parent() {
    let (mut world, mut store) = new_game();
    let parent = world.spawn(ship()).id();
    let turret = world.spawn((ship(), ChildOf(parent))).id();
    let flame = world.spawn((Sprite, ChildOf(turret))).id();
    store.save(&mut world, Tick(0));
    despawn_in(&mut world, 0, parent);
    assert_eq!(world.query::<&Sprite>().iter(&world).count(), 0);
    store.load(&mut world, Tick(0)).unwrap();
    assert_eq!(living(&world), [parent, turret]);
    assert_eq!(world.query::<&Sprite>().iter(&world).count(), 1);
    assert_eq!(world.get::<ChildOf>(flame), Some(&ChildOf(turret)));
}

#[test]
fn removal_observers_run_once_when_the_despawn_is_final() {
    let (mut world, mut store) = new_game();
    world.init_resource::<Removals>();
    world.add_observer(count_removals::<Place>);
    let entity = world.spawn(ship()).id();
    for _ in 0..3 {
        save(&mut world, &mut store, 0..2);
        despawn_in(&mut world, 1, entity);
        store.load(&mut world, Tick(0)).unwrap();
    }
    save(&mut world, &mut store, 0..2);
    despawn_in(&mut world, 1, entity);
    save(&mut world, &mut store, 2..5);
    store.confirm(&mut world, Tick(1));
    assert_eq!(
        world.resource::<Removals>().0,
        0,
        "tick 1 can still be simulated again"
    );
    store.confirm(&mut world, Tick(2));
    assert_eq!(world.resource::<Removals>().0, 1);
    assert!(world.get_entity(entity).is_err());
}

#[test]
fn despawn_is_not_final_before_the_newest_loadable_save() {
    let (mut world, mut store) = new_game();
    let entity = world.spawn(ship()).id();
    store.save(&mut world, Tick(0));
    despawn_in(&mut world, 1, entity);
    // A load of tick 0 simulates all ticks from there again.
    store.confirm(&mut world, Tick(9));
    store.load(&mut world, Tick(0)).unwrap();
    assert_eq!(living(&world), [entity]);
}

#[test]
fn relationships_to_a_hidden_entity_are_removed_and_restored() {
    let (mut world, mut store) = new_game();
    let hunter = world.spawn(ship()).id();
    let prey = world.spawn((ship(), AimsAt(hunter))).id();
    world.entity_mut(hunter).insert(AimsAt(prey));
    let wing = world.spawn((ship(), ChildOf(hunter))).id();
    store.save(&mut world, Tick(0));
    let before = describe(&world);
    despawn_in(&mut world, 0, wing);
    assert!(world.get::<Children>(hunter).is_none());
    despawn_in(&mut world, 0, prey);
    assert!(world.get::<AimsAt>(hunter).is_none());
    assert!(world.get::<AimedAtBy>(hunter).is_none());
    store.load(&mut world, Tick(0)).unwrap();
    assert_eq!(describe(&world), before);
    assert!(!store.restorer.warned_of_despawn);
}

#[test]
fn unregistered_relationships_survive() {
    #[derive(Component, PartialEq, Debug)]
    #[relationship(relationship_target = FollowedBy)]
    struct Follows(Entity);

    #[derive(Component)]
    #[relationship_target(relationship = Follows)]
    struct FollowedBy(Vec<Entity>);

    let (mut world, mut store) = new_game();
    let ship = world.spawn(ship()).id();
    let camera = world.spawn(Follows(ship)).id();
    store.save(&mut world, Tick(0));
    despawn_in(&mut world, 0, ship);
    store.load(&mut world, Tick(0)).unwrap();
    assert_eq!(world.get::<Follows>(camera), Some(&Follows(ship)));
    assert_eq!(world.get::<FollowedBy>(ship).map(|by| by.0.len()), Some(1));
}

#[test]
fn mispredicted_spawn_is_despawned_and_its_id_is_used_again() {
    let (mut world, mut store) = new_game();
    store.save(&mut world, Tick(0));
    let entity = world.spawn(ship()).id();
    assert_eq!(world.get::<RollbackId>(entity).map(|id| id.get()), Some(0));
    store.load(&mut world, Tick(0)).unwrap();
    assert!(world.get_entity(entity).is_err());
    let entity = world.spawn(ship()).id();
    assert_eq!(world.get::<RollbackId>(entity).map(|id| id.get()), Some(0));
}

#[test]
fn mispredicted_spawn_that_was_hidden_is_despawned() {
    let (mut world, mut store) = new_game();
    let survivor = world.spawn(ship()).id();
    store.save(&mut world, Tick(0));
    let entity = world.spawn(ship()).id();
    despawn_in(&mut world, 0, entity);
    store.load(&mut world, Tick(0)).unwrap();
    assert!(world.get_entity(entity).is_err());
    assert_eq!(living(&world), [survivor]);
}

#[test]
fn child_moved_to_a_mispredicted_parent_survives() {
    let (mut world, mut store) = new_game();
    let child = world.spawn((ship(), Sprite)).id();
    store.save(&mut world, Tick(0));
    let parent = world.spawn(ship()).id();
    world.entity_mut(child).insert(ChildOf(parent));
    store.load(&mut world, Tick(0)).unwrap();
    assert_eq!(living(&world), [child]);
    assert!(
        world.get::<Sprite>(child).is_some(),
        "the child was not spawned again"
    );
}

#[test]
fn plainly_despawned_entity_is_spawned_again_and_references_follow() {
    let (mut world, mut store) = new_game();
    let old = world.spawn((ship(), Sprite)).id();
    let hunter = world.spawn((ship(), Target { entity: old })).id();
    save(&mut world, &mut store, 0..2);
    let before = describe(&world);
    world.despawn(old);
    assert!(!store.restorer.warned_of_despawn);
    store.load(&mut world, Tick(1)).unwrap();
    assert!(store.restorer.warned_of_despawn);
    assert_eq!(describe(&world), before);
    let new = world.get::<Target>(hunter).unwrap().entity;
    assert_ne!(new, old);
    assert!(world.get::<Sprite>(new).is_none());
    // Other saves refer to the new entity too.
    store.load(&mut world, Tick(0)).unwrap();
    assert_eq!(describe(&world), before);
    assert_eq!(world.get::<Target>(hunter).unwrap().entity, new);
}

#[test]
fn entity_without_the_marker_is_despawned_immediately() {
    let (mut world, _) = new_game();
    let entity = world.spawn(Sprite).id();
    world.commands().entity(entity).despawn_rollback();
    // A second command for the same entity does nothing.
    world.commands().entity(entity).despawn_rollback();
    world.flush();
    assert!(world.get_entity(entity).is_err());
}

#[test]
fn clear_removes_everything_and_starts_with_the_first_id() {
    let (mut world, mut store) = new_game();
    let hidden = world.spawn((ship(), Sprite)).id();
    world.spawn((ship(), ChildOf(hidden)));
    world.spawn(ship());
    store.save(&mut world, Tick(0));
    despawn_in(&mut world, 0, hidden);
    let other = world.spawn(Sprite).id();
    store.clear(&mut world);
    assert_eq!(world.query::<&RollbackId>().iter(&world).count(), 0);
    assert!(world.get_entity(hidden).is_err());
    assert!(world.get_entity(other).is_ok());
    assert!(!store.is_saved(Tick(0)));
    let entity = world.spawn(ship()).id();
    assert_eq!(world.get::<RollbackId>(entity).map(|id| id.get()), Some(0));
}

#[test]
fn index_does_not_grow_with_despawned_entities() {
    let (mut world, mut store) = new_game();
    let survivor = world.spawn(ship()).id();
    for tick in 0..2000 {
        store.save(&mut world, Tick(tick));
        let bullets: Vec<_> = (0..5).map(|_| world.spawn(ship()).id()).collect();
        for bullet in bullets {
            despawn_in(&mut world, tick, bullet);
        }
        store.release(Tick(tick));
        store.confirm(&mut world, Tick(tick + 1));
    }
    let ids = world.resource::<RollbackIds>();
    assert_eq!(ids.next(), 10_001);
    assert!(ids.len_with_gone() < 200, "{}", ids.len_with_gone());
    assert_eq!(living(&world), [survivor]);
}

#[test]
fn cloned_entity_gets_its_own_id() {
    let (mut world, _) = new_game();
    let original = world.spawn(ship()).id();
    let clone = world.entity_mut(original).clone_and_spawn();
    assert_eq!(living(&world), [original, clone]);
}
