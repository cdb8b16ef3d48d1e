//! Matches on one machine.

use std::time::Duration;

use bevy::{prelude::*, time::TimeUpdateStrategy};

use super::game::{Age, add_game, plugin, ships, status};
use crate::{
    rollback::{Rollback, RollbackCommandsExt, RollbackIds, SimulationProblem, SyncTestFailed},
    testing::{Lab, Player},
};

/// Plays a sync test alone for five seconds. `extra` adds to the game.
pub(super) fn sync_test(extra: fn(&mut App)) -> (Lab, Player) {
    let mut lab = Lab::new(1);
    lab.record::<SyncTestFailed>();
    lab.record::<SimulationProblem>();
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

/// Runs an app for two seconds of its time.
pub(super) fn sync_test_app(mut app: App) -> App {
    app.finish();
    app.cleanup();
    app.insert_resource(TimeUpdateStrategy::ManualDuration(Duration::from_millis(
        16,
    )));
    for _ in 0..125 {
        app.update();
    }
    app
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
fn entity_that_is_spawned_outside_of_the_simulation_is_reported() {
    let (mut lab, player) = sync_test(|_| {});
    let has_warned = |lab: &Lab| lab[player].world().resource::<RollbackIds>().has_warned();
    assert!(!has_warned(&lab));
    lab.commands(player, |commands| {
        commands.spawn(Rollback);
    });
    assert!(has_warned(&lab));
}
