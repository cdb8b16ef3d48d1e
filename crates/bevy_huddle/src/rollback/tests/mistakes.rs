//! The tools name each mistake that lets the players' simulations differ.

use std::{collections::HashMap, panic::catch_unwind, time::Duration};

use bevy::prelude::*;
use serde::Serialize;

use super::{
    game::{Age, Ship, add_game, age_system, ships},
    solo::{sync_test, sync_test_app},
};
use crate::{
    HuddlePlugins,
    rollback::{
        CompareRunsError, DespawnRollback, Inputs, MatchStatus, Rollback, RollbackAppExt,
        RollbackCommandsExt, RollbackPlugin, RollbackRng, RollbackStart, RollbackUpdate, Seat,
        SimulationProblem, SyncTestFailed, compare_runs,
    },
    testing::{Lab, Player},
};

/// Returns the text of the failure of a sync test.
fn failure(lab: &mut Lab, player: Player) -> String {
    let failed = lab.take_events::<SyncTestFailed>(player);
    assert_eq!(failed.len(), 1, "{failed:?}");
    let text = failed[0].to_string();
    assert!(failed[0].difference.types.len() == 1, "{text}");
    text
}

/// Returns the texts of all mistakes that were found.
fn problems(lab: &mut Lab, player: Player) -> Vec<String> {
    let problems = lab.take_events::<SimulationProblem>(player);
    problems.iter().map(ToString::to_string).collect()
}

/// Asserts that a text contains all of these parts.
#[track_caller]
pub(super) fn assert_names(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
}

/// Adds a system at the end of the tick.
fn at_the_end<M>(app: &mut App, system: impl IntoSystem<(), (), M> + 'static) {
    let system = IntoSystem::into_system(system);
    app.add_systems(RollbackUpdate, system.after(age_system()));
}

#[test]
fn deterministic_game_has_no_problems() {
    let (mut lab, player) = sync_test(|_| {});
    assert_eq!(problems(&mut lab, player), [""; 0]);
}

#[test]
fn unregistered_component_is_named() {
    #[derive(Component, Default)]
    struct Fuel(u32);

    let (mut lab, player) = sync_test(|app| {
        at_the_end(app, |mut ships: Query<(&mut Ship, &mut Fuel)>| {
            for (mut ship, mut fuel) in &mut ships {
                fuel.0 += 1;
                ship.x += (fuel.0 % 5) as i32;
            }
        });
        app.register_required_components::<Ship, Fuel>();
    });
    let problems = problems(&mut lab, player);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_names(&problems[0], &["Fuel", "entity 0", "rollback_component"]);
    // The ship depends on the fuel.
    assert_names(&failure(&mut lab, player), &["Ship", "entity 0: x: "]);
}

#[test]
fn component_that_comes_with_an_entity_is_no_problem() {
    #[derive(Component, Default)]
    struct Sprite;

    let (mut lab, player) = sync_test(|app| {
        app.register_required_components::<super::game::Bullet, Sprite>();
    });
    assert_eq!(problems(&mut lab, player), [""; 0]);
}

#[test]
fn state_of_a_system_is_named_by_what_it_changes() {
    let (mut lab, player) = sync_test(|app| {
        at_the_end(app, |mut count: Local<u32>, mut age: ResMut<Age>| {
            *count += 1;
            age.0 += *count % 2;
        });
    });
    let text = failure(&mut lab, player);
    assert_names(&text, &["tick ", "Age", "    0: ", " -> ", "`Local`"]);
}

#[test]
fn hash_map_that_is_filled_in_each_tick_is_named_by_what_it_changes() {
    let (mut lab, player) = sync_test(|app| {
        at_the_end(app, |mut age: ResMut<Age>| {
            let map: HashMap<u32, u32> = (0..100).map(|n| (n, n)).collect();
            age.0 = map.into_keys().next().unwrap_or_default();
        });
    });
    assert_names(&failure(&mut lab, player), &["Age", "    0: "]);
}

#[test]
fn dependency_on_the_order_of_entities_is_named_by_what_it_changes() {
    #[derive(Component, Clone, PartialEq, Serialize)]
    struct Winner {
        is_first: bool,
    }

    let (mut lab, player) = sync_test(|app| {
        app.rollback_component::<Winner>();
        at_the_end(
            app,
            |ships: Query<Entity, With<Ship>>, mut commands: Commands| {
                for (n, entity) in ships.iter().enumerate() {
                    let is_first = n == 0;
                    commands.entity(entity).insert(Winner { is_first });
                }
            },
        );
    });
    let text = failure(&mut lab, player);
    assert_names(
        &text,
        &["Winner", "entity 0: is_first: ", "entity 1: is_first: "],
    );
}

#[test]
fn change_outside_of_the_simulation_is_named() {
    let (mut lab, player) = sync_test(|_| {});
    let world = lab.app_mut(player).world_mut();
    let mut ships_of_world = world.query::<&mut Ship>();
    let mut ship = ships_of_world
        .iter_mut(world)
        .find(|ship| ship.seat == Seat(1));
    ship.as_mut().unwrap().shots += 1000;
    lab.run_for(Duration::from_millis(100));
    let problems = problems(&mut lab, player);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_names(
        &problems[0],
        &["outside of `RollbackUpdate`", "Ship", "entity 1: shots: "],
    );
}

#[test]
fn despawn_and_spawn_outside_of_the_simulation_are_named() {
    let (mut lab, player) = sync_test(|_| {});
    lab.commands(player, |commands| {
        commands.queue(|world: &mut World| {
            let mut ships = world.query_filtered::<Entity, With<Ship>>();
            let ship = ships.iter(world).next().unwrap();
            world.entity_mut(ship).despawn();
        });
    });
    lab.run_for(Duration::from_millis(100));
    let found = problems(&mut lab, player);
    assert_eq!(found.len(), 1, "{found:?}");
    let despawned = ["Ship", "Rollback", "entity 0: only in the first state"];
    assert_names(&found[0], &despawned);
    assert_eq!(ships(&mut lab, player).len(), 2, "a rollback restores it");

    lab.commands(player, |commands| {
        commands.spawn(Rollback);
    });
    lab.run_for(Duration::from_millis(100));
    let found = problems(&mut lab, player);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_names(&found[0], &["Rollback", "only in the second state"]);
}

#[test]
fn frame_time_and_devices_in_the_simulation_are_named() {
    fn wait(_: Res<Time<Real>>) {}
    fn steer(_: Res<ButtonInput<KeyCode>>, _: Res<Inputs<super::game::Pad>>) {}
    fn aim(_: Query<&GlobalTransform>) {}
    fn allowed(_: Res<Time>, _: Query<&Transform>) {}

    let (mut lab, player) = sync_test(|app| {
        app.init_resource::<ButtonInput<KeyCode>>()
            .add_systems(RollbackUpdate, (wait, steer, aim, allowed));
    });
    let mut problems = problems(&mut lab, player);
    problems.sort_unstable();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert_names(&problems[0], &["aim`", "GlobalTransform", "`Transform`"]);
    assert_names(&problems[1], &["steer`", "ButtonInput", "`Res<Inputs<_>>`"]);
    assert_names(&problems[2], &["wait`", "Real", "`Res<Time>`"]);
}

#[test]
fn unregistered_resource_is_named_with_the_system_that_changes_it() {
    #[derive(Resource, Default)]
    struct Score(u32);
    fn count_points(mut score: ResMut<Score>) {
        score.0 += 1;
    }
    fn show_points(_: Res<Score>) {}

    let (mut lab, player) = sync_test(|app| {
        app.init_resource::<Score>()
            .add_systems(RollbackStart, count_points)
            .add_systems(RollbackUpdate, (count_points, show_points).chain());
    });
    let problems = problems(&mut lab, player);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let parts = ["count_points`", "Score", "rollback_resource"];
    assert_names(&problems[0], &parts);
}

#[test]
fn systems_that_access_the_same_data_without_an_order_are_refused_by_name() {
    fn walk(mut age: ResMut<Age>) {
        age.0 += 1;
    }
    fn jump(mut age: ResMut<Age>) {
        age.0 *= 2;
    }
    let played = catch_unwind(|| {
        sync_test(|app| {
            app.add_systems(RollbackUpdate, (walk, jump).after(age_system()));
        });
    });
    let panic = played.unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert_names(
        text,
        &[
            "indeterminate execution order",
            "RollbackUpdate",
            "`before`, `after`",
            "walk",
            "jump",
            "Age",
        ],
    );
}

#[test]
#[should_panic(expected = "grow_trees and shrink_trees")]
fn systems_with_commands_but_without_an_order_are_refused() {
    fn grow_trees(mut commands: Commands) {
        commands.spawn(Rollback);
    }
    fn shrink_trees(mut commands: Commands) {
        commands.spawn(Rollback);
    }
    sync_test(|app| {
        app.add_systems(
            RollbackUpdate,
            (grow_trees, shrink_trees).after(age_system()),
        );
    });
}

/// A game with a map that lives as long as the app.
#[derive(Resource)]
struct Names(HashMap<u32, u32>);

impl Default for Names {
    fn default() -> Self {
        Self((0..100).map(|n| (n, n)).collect())
    }
}

fn game_with_names() -> App {
    let mut app = game();
    app.init_resource::<Names>();
    at_the_end(&mut app, |names: Res<Names>, mut age: ResMut<Age>| {
        age.0 = names.0.keys().next().copied().unwrap_or_default();
    });
    app
}

fn game() -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, HuddlePlugins))
        .add_plugins(super::game::plugin().sync_test(4))
        .add_plugins(add_game)
        .add_systems(Startup, |mut commands: Commands| {
            commands.start_local_match(2)
        });
    app
}

#[test]
fn order_of_a_hash_map_of_the_app_is_named_by_a_second_run() {
    let error = compare_runs(game_with_names, 100).unwrap_err();
    assert_names(
        &error.to_string(),
        &["tick ", "Age", "    0: ", "`HashMap`"],
    );
    // The sync test alone does not see it.
    let mut app = game_with_names();
    app.init_resource::<Failures>()
        .add_observer(|_: On<SyncTestFailed>, mut failures: ResMut<Failures>| failures.0 += 1);
    let app = sync_test_app(app);
    assert_eq!(app.world().resource::<Failures>().0, 0);
    assert!(app.world().resource::<MatchStatus>().tick.0 > 60);
}

#[derive(Resource, Default)]
struct Failures(u32);

#[test]
fn entity_in_a_registered_value_is_named_by_a_second_run() {
    #[derive(Resource, Clone, Default, PartialEq, Serialize)]
    struct Target {
        bits: u64,
    }
    let error = compare_runs(
        || {
            let mut app = game();
            app.rollback_resource::<Target>();
            at_the_end(
                &mut app,
                |ships: Query<Entity, With<Ship>>, mut target: ResMut<Target>| {
                    target.bits = ships.iter().map(Entity::to_bits).max().unwrap_or_default();
                },
            );
            app
        },
        100,
    )
    .unwrap_err();
    assert_names(&error.to_string(), &["Target", "    bits: "]);
}

#[test]
fn two_runs_of_a_deterministic_game_are_equal() {
    compare_runs(game, 200).unwrap();
}

#[test]
fn runs_without_a_match_are_an_error() {
    let empty = || {
        let mut app = App::new();
        app.add_plugins((MinimalPlugins, HuddlePlugins))
            .add_plugins(RollbackPlugin::new(|_: In<Seat>| 0_u8));
        app
    };
    let error = compare_runs(empty, 10);
    assert!(matches!(error, Err(CompareRunsError::NoMatch { .. })));
}

#[test]
fn random_numbers_outside_of_the_simulation_are_named() {
    let (mut lab, player) = sync_test(|app| {
        app.add_systems(Update, |mut rng: ResMut<RollbackRng>| {
            rng.u64();
        });
    });
    let problems = problems(&mut lab, player);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_names(&problems[0], &["RollbackRng", "    state: "]);
}

#[test]
fn despawn_in_the_simulation_is_no_problem() {
    let (mut lab, player) = sync_test(|app| {
        at_the_end(
            app,
            |ships: Query<Entity, With<Ship>>, age: Res<Age>, mut commands: Commands| {
                if age.0 == 50 {
                    for ship in &ships {
                        commands.entity(ship).despawn_rollback();
                    }
                }
            },
        );
    });
    assert_eq!(problems(&mut lab, player), [""; 0]);
    assert!(lab.take_events::<SyncTestFailed>(player).is_empty());
    assert_eq!(ships(&mut lab, player).len(), 0);
}
