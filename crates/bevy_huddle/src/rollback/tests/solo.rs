//! Matches on one machine.

use std::time::Duration;

use bevy::prelude::*;

use super::game::{Age, add_game, plugin, ships, status};
use crate::{
    rollback::{Rollback, RollbackCommandsExt, RollbackIds, RollbackUpdate, SyncTestFailed},
    testing::{Lab, Player},
};

/// Plays a sync test alone for five seconds. `extra` adds to the game.
fn sync_test(extra: fn(&mut App)) -> (Lab, Player) {
    let mut lab = Lab::new(1);
    lab.record::<SyncTestFailed>();
    let player = lab.player(move |app| {
        app.add_plugins(plugin().sync_test(8))
            .add_plugins(add_game)
            .add_systems(Startup, |mut commands: Commands| {
                commands.start_local_match(2)
            });
        extra(app);
    });
    lab.run_for(Duration::from_secs(5));
    (lab, player)
}

#[test]
fn sync_test_passes_a_deterministic_game() {
    let (mut lab, player) = sync_test(|_| {});
    assert!(lab.take_events::<SyncTestFailed>(player).is_empty());
    let ticks = status(&lab, player).tick.0;
    assert!(
        ticks > 250 && lab[player].world().resource::<Age>().0 == ticks,
        "{ticks}"
    );
    assert_eq!(ships(&mut lab, player).len(), 2);
    assert!(status(&lab, player).stats.rollbacks > 100);
}

#[test]
fn sync_test_finds_the_state_of_a_system() {
    let (mut lab, player) = sync_test(|app| {
        app.add_systems(
            RollbackUpdate,
            (|mut count: Local<u32>, mut age: ResMut<Age>| {
                *count += 1;
                age.0 += *count % 2;
            })
            .after(super::game::age_system()),
        );
    });
    assert_eq!(lab.take_events::<SyncTestFailed>(player).len(), 1);
}

#[test]
fn sync_test_finds_an_unregistered_component() {
    #[derive(Component, Default)]
    struct Fuel(u32);

    let (mut lab, player) = sync_test(|app| {
        app.add_systems(
            RollbackUpdate,
            (|mut ships: Query<(&mut super::game::Ship, &mut Fuel)>| {
                for (mut ship, mut fuel) in &mut ships {
                    fuel.0 += 1;
                    ship.x += (fuel.0 % 5) as i32;
                }
            })
            .after(super::game::age_system()),
        )
        .register_required_components::<Rollback, Fuel>();
    });
    assert_eq!(lab.take_events::<SyncTestFailed>(player).len(), 1);
}

#[test]
fn entity_that_is_spawned_outside_of_the_simulation_is_reported() {
    let (mut lab, player) = sync_test(|_| {});
    let has_warned = |lab: &Lab| lab[player].world().resource::<RollbackIds>().has_warned();
    assert!(!has_warned(&lab));
    lab.commands(player, |commands| {
        commands.spawn(Rollback);
    });
    assert!(has_warned(&lab));
}

#[test]
#[should_panic(expected = "indeterminate execution order")]
fn systems_without_an_order_are_refused() {
    fn steer(mut age: ResMut<Age>) {
        age.0 += 1;
    }
    sync_test(|app| {
        app.add_systems(RollbackUpdate, steer);
    });
}
