//! The world store does not allocate while entities and components stay the same, and its memory
//! does not depend on the length of a match.

use std::alloc::System;

use bevy::prelude::*;
use bevy_huddle::{
    Tick,
    rollback::world::{DespawnRollback, InOrder, Rollback, SimulatedTick, WorldStore},
};
use serde::Serialize;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[derive(Component, Clone, PartialEq, Serialize)]
struct Place(f32);

#[derive(Component, Clone, PartialEq, Serialize)]
#[component(storage = "SparseSet")]
struct Shield(u8);

#[derive(Component, Clone, PartialEq, Serialize)]
#[component(immutable)]
struct Team(u8);

/// Never changes.
#[derive(Component, Clone, PartialEq, Serialize)]
struct Name(String);

/// Changes in every tick.
#[derive(Component, PartialEq, Serialize)]
struct Path(Vec<u32>);

impl Clone for Path {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }

    // A derived `Clone` would allocate here.
    fn clone_from(&mut self, source: &Self) {
        self.0.clone_from(&source.0);
    }
}

#[derive(Resource, Clone, PartialEq, Serialize)]
struct Score(u64);

fn new_game() -> (World, WorldStore) {
    let mut world = World::new();
    let mut store = WorldStore::new(&mut world);
    store
        .component::<Place>()
        .component::<Shield>()
        .component::<Team>()
        .component::<Name>()
        .component::<Path>()
        .resource::<Score>();
    world.insert_resource(Score(0));
    let mut parent = world.spawn((Place(0.0), Rollback)).id();
    for number in 0..300_u16 {
        let place = Place(f32::from(number));
        let entity = match number % 3 {
            0 => world.spawn((place, Shield(1), Rollback, ChildOf(parent))),
            1 => world.spawn((place, Team(2), Name("Ada".into()), Rollback)),
            _ => world.spawn((place, Path(vec![1, 2, 3]), Rollback, ChildOf(parent))),
        };
        if number % 50 == 0 {
            parent = entity.id();
        }
    }
    (world, store)
}

fn drift(mut places: InOrder<&mut Place>, mut paths: Query<&mut Path>, mut score: ResMut<Score>) {
    for mut place in places.iter_mut() {
        place.0 += 1.0;
    }
    for mut path in &mut paths {
        path.0.rotate_left(1);
    }
    score.0 += 1;
}

/// Saves and simulates some ticks, then rolls back and simulates them again.
fn play(world: &mut World, store: &mut WorldStore, schedule: &mut Schedule, ticks: u32) {
    for tick in (0..ticks).map(Tick) {
        for _ in 0..2 {
            for ahead in 0..4 {
                store.save(world, tick + ahead);
                world.resource_mut::<SimulatedTick>().0 = tick + ahead;
                schedule.run(world);
            }
            store.load(world, tick).expect("the tick was saved");
        }
        store.checksum(tick);
        schedule.run(world);
        store.release(tick);
        store.confirm(world, tick + 1);
        // `App::update` does this: Bevy remembers removed components until then.
        world.clear_trackers();
    }
    for ahead in 0..4 {
        store.release(Tick(ticks + ahead));
    }
}

/// One test, because other tests would allocate at the same time.
#[test]
fn steady_state_does_not_allocate_and_memory_is_bounded() {
    let (mut world, mut store) = new_game();
    let mut schedule = Schedule::default();
    schedule.add_systems(drift);
    schedule.set_executor(bevy::ecs::schedule::SingleThreadedExecutor::new());
    play(&mut world, &mut store, &mut schedule, 10);
    let region = Region::new(ALLOCATOR);
    play(&mut world, &mut store, &mut schedule, 50);
    let change = region.change();
    assert_eq!(
        (change.allocations, change.reallocations),
        (0, 0),
        "{change:?}"
    );

    // With spawns and despawns, a long match needs as much memory as a short one.
    schedule.add_systems(churn);
    play(&mut world, &mut store, &mut schedule, 100);
    let region = Region::new(ALLOCATOR);
    play(&mut world, &mut store, &mut schedule, 300);
    let change = region.change();
    let growth = change.bytes_allocated as i64 - change.bytes_deallocated as i64;
    // The index of ids doubles once before it is compacted for the first time.
    assert!(growth < 20_000, "{growth} B: {change:?}");
}

/// Spawns a bullet in each tick, and despawns the oldest one.
fn churn(bullets: InOrder<Entity, With<Bullet>>, mut commands: Commands) {
    commands.spawn((Bullet, Place(0.0), Rollback));
    let oldest = bullets.iter().next();
    if let Some(bullet) = oldest.filter(|_| bullets.iter().count() > 20) {
        commands.entity(bullet).despawn_rollback();
    }
}

#[derive(Component)]
struct Bullet;
