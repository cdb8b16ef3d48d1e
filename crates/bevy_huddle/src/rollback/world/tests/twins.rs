//! Two worlds play the same inputs. One simulates each tick once, the other one mispredicts, rolls
//! back and resimulates. They stay equal.

use std::collections::HashMap;

use bevy::prelude::*;
use fastrand::Rng;
use huddle_session::Tick;

use super::game::{
    Bag, Place, Shield, Sprite, Team, describe, describe_rows, living, new_game,
    new_game_without_dense_queries, simulate,
};
use crate::rollback::world::{RollbackId, WorldStore};

const TICKS: u32 = 40;
const WINDOW: u32 = 6;

/// A world that rolls back, and its saved ticks.
struct Twin {
    world: World,
    store: WorldStore,
    saved: Vec<u32>,
    /// Whether entities get a component that is not registered, in frames and not in ticks.
    has_sprites: bool,
}

impl Twin {
    fn simulate(&mut self, tick: u32, input: u64, save: bool) {
        if save {
            self.store.save(&mut self.world, Tick(tick));
            self.saved.retain(|&saved| saved != tick);
            self.saved.push(tick);
        }
        simulate(&mut self.world, Tick(tick), input);
        if self.has_sprites && tick.is_multiple_of(3) {
            for entity in living(&self.world) {
                self.world.entity_mut(entity).insert(Sprite);
            }
        }
    }

    fn load(&mut self, tick: u32) {
        let before = Values::of(&self.world);
        let last = self.world.change_tick();
        self.world.increment_change_tick();
        self.store
            .load(&mut self.world, Tick(tick))
            .expect("the tick is saved");
        before.check_changed(&mut self.world, last);
        // A second load changes nothing.
        let before = Values::of(&self.world);
        let rows = describe_rows(&self.world);
        self.world.increment_change_tick();
        let last = self.world.change_tick();
        self.world.increment_change_tick();
        self.store
            .load(&mut self.world, Tick(tick))
            .expect("the tick is saved");
        before.check_changed(&mut self.world, last);
        assert_eq!(rows, describe_rows(&self.world));
    }

    /// Forgets what no load reaches any more.
    fn confirm(&mut self, tick: u32) {
        let Some(&oldest) = self.saved.iter().filter(|&&saved| saved <= tick).max() else {
            return;
        };
        for &saved in self.saved.iter().filter(|&&saved| saved < oldest) {
            self.store.release(Tick(saved));
        }
        self.saved.retain(|&saved| saved >= oldest);
        self.store.confirm(&mut self.world, Tick(tick));
    }
}

/// The values of some components before a load.
struct Values {
    places: HashMap<RollbackId, Place>,
    bags: HashMap<RollbackId, Bag>,
    shields: HashMap<RollbackId, Shield>,
    teams: HashMap<RollbackId, Team>,
}

fn values<T: Component + Clone>(world: &World) -> HashMap<RollbackId, T> {
    living(world)
        .into_iter()
        .filter_map(|entity| {
            let entity = world.entity(entity);
            Some((*entity.get::<RollbackId>()?, entity.get::<T>()?.clone()))
        })
        .collect()
}

impl Values {
    fn of(world: &World) -> Self {
        Self {
            places: values(world),
            bags: values(world),
            shields: values(world),
            teams: values(world),
        }
    }

    fn check_changed(&self, world: &mut World, last: bevy::ecs::change_detection::Tick) {
        check_changed(&self.places, world, last);
        check_changed(&self.bags, world, last);
        check_changed(&self.shields, world, last);
        check_changed(&self.teams, world, last);
    }
}

/// Checks that a load marked a value as changed if, and only if, it differs.
fn check_changed<T: Component + Clone + PartialEq + std::fmt::Debug>(
    before: &HashMap<RollbackId, T>,
    world: &mut World,
    last: bevy::ecs::change_detection::Tick,
) {
    let now = world.change_tick();
    for entity in living(world) {
        let entity = world.entity(entity);
        let (Some(id), Some(value)) = (entity.get::<RollbackId>(), entity.get::<T>()) else {
            continue;
        };
        let ticks = entity
            .get_change_ticks::<T>()
            .expect("the component exists");
        if let Some(before) = before.get(id) {
            let changed = ticks.is_changed(last, now);
            assert_eq!(
                changed,
                before != value,
                "{id:?}: {before:?} became {value:?}"
            );
        }
    }
}

fn play(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let has_sprites = rng.u32(0..4) == 0;
    let saves_all = rng.bool();
    let (mut world, mut store) = new_game();
    let (twin_world, twin_store) = if rng.u32(0..4) == 0 {
        new_game_without_dense_queries()
    } else {
        new_game()
    };
    let mut twin = Twin {
        world: twin_world,
        store: twin_store,
        saved: Vec::new(),
        has_sprites,
    };
    let inputs: Vec<u64> = (0..TICKS).map(|_| rng.u64(..)).collect();
    let mut states = Vec::new();
    for tick in 0..TICKS {
        // The straight run.
        states.push((describe(&world), describe_rows(&world)));
        store.save(&mut world, Tick(tick));
        let checksum = store.checksum(Tick(tick));
        store.release(Tick(tick));
        simulate(&mut world, Tick(tick), inputs[tick as usize]);
        store.confirm(&mut world, Tick(tick + 1));

        // The twin mispredicts some ticks.
        if rng.u32(0..3) == 0 {
            for ahead in 0..rng.u32(1..=WINDOW) {
                let save = ahead == 0 || rng.bool();
                twin.simulate(tick + ahead, rng.u64(..), save);
            }
            let choices: Vec<_> = twin
                .saved
                .iter()
                .copied()
                .filter(|&saved| saved <= tick)
                .collect();
            let from = *rng
                .choice(&choices)
                .expect("the first mispredicted tick is saved");
            twin.load(from);
            let (state, rows) = &states[from as usize];
            assert_eq!(
                state,
                &describe(&twin.world),
                "seed {seed}, load of {from} in {tick}"
            );
            if !has_sprites {
                assert_eq!(
                    rows,
                    &describe_rows(&twin.world),
                    "seed {seed}, load of {from}"
                );
            }
            for resimulated in from..tick {
                twin.simulate(
                    resimulated,
                    inputs[resimulated as usize],
                    saves_all || rng.bool(),
                );
            }
        }
        twin.simulate(tick, inputs[tick as usize], true);
        assert_eq!(
            describe(&world),
            describe(&twin.world),
            "seed {seed}, tick {tick}"
        );
        assert_eq!(
            checksum,
            twin.store.checksum(Tick(tick)),
            "seed {seed}, tick {tick}"
        );
        if !has_sprites {
            assert_eq!(
                describe_rows(&world),
                describe_rows(&twin.world),
                "seed {seed}, tick {tick}"
            );
        }
        twin.confirm((tick + 1).saturating_sub(WINDOW));
    }
}

/// Set `ROLLBACK_SEEDS` to `0..10000` to play more, or to `17..18` to repeat one.
#[test]
fn rolled_back_world_equals_straight_run() {
    let seeds = std::env::var("ROLLBACK_SEEDS").unwrap_or_else(|_| "0..60".into());
    let range = seeds
        .split_once("..")
        .expect("seeds are a range such as 0..100");
    let bound = |text: &str| text.parse::<u64>().expect("seeds are numbers");
    for seed in bound(range.0)..bound(range.1) {
        play(seed);
    }
}
