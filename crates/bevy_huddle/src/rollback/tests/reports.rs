//! What a game learns of its match: desyncs, and the time between ticks.

use std::time::Duration;

use bevy::prelude::*;

use super::game::{Age, Ship, add_game, age_system, bad_network, plugin, status};
use crate::{
    rollback::{MatchDesynced, RollbackCommandsExt, RollbackUpdate, Seat},
    testing::Lab,
};

#[test]
fn desync_report_names_the_component_the_entity_and_both_values() {
    let mut lab = Lab::new(31);
    lab.network(bad_network());
    lab.record::<MatchDesynced>();
    let players = [false, true].map(|is_wrong| {
        lab.player(move |app| {
            app.add_plugins(plugin().start_with(2))
                .add_plugins(add_game)
                .add_systems(
                    RollbackUpdate,
                    (move |age: Res<Age>, mut ships: Query<&mut Ship>| {
                        let mut ships = ships.iter_mut();
                        let ship = ships.find(|ship| ship.seat == Seat(1) && age.0 == 100);
                        if let Some(mut ship) = ship.filter(|_| is_wrong) {
                            ship.shots += 1000;
                        }
                    })
                    .after(age_system()),
                );
        })
    });
    lab.run_until(|lab| {
        players
            .iter()
            .all(|&player| status(lab, player).tick.0 > 101)
    });
    lab.run_for(Duration::from_secs(2));
    for (player, is_wrong) in players.into_iter().zip([false, true]) {
        let reports = lab.take_events::<MatchDesynced>(player);
        let report = &reports.first().expect("a report within 2 s").report;
        assert!((100..160).contains(&report.tick.0), "tick {}", report.tick);
        let [ship] = &report.types[..] else {
            panic!("one type differs: {report}");
        };
        assert!(ship.name.ends_with("::Ship"), "{}", ship.name);
        let [entity] = &ship.entities[..] else {
            panic!("one ship differs: {report}");
        };
        assert_eq!(entity.id, 1, "the second ship");
        let shots = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains("100"));
        assert_eq!(shots(&entity.mine), is_wrong, "{report}");
        assert_eq!(shots(&entity.theirs), !is_wrong, "{report}");
    }
}

#[test]
fn overstep_is_the_part_of_a_tick_that_has_passed() {
    let mut lab = Lab::new(32);
    lab.record::<MatchDesynced>();
    let player = lab.player(|app| {
        app.add_plugins(plugin()).add_plugins(add_game).add_systems(
            Startup,
            |mut commands: Commands| {
                commands.start_local_match(1);
            },
        );
    });
    lab.frame_rate(player, 640.0);
    lab.run_until(|lab| status(lab, player).tick.0 > 10);
    let mut last = (status(&lab, player).tick, status(&lab, player).overstep);
    let mut increases = 0;
    for _ in 0..200 {
        lab.run_for(Duration::from_secs_f64(1.0 / 640.0));
        let now = (status(&lab, player).tick, status(&lab, player).overstep);
        assert!((0.0..=1.0).contains(&now.1), "{now:?}");
        if now.0 == last.0 {
            assert!(now.1 >= last.1, "{last:?}, then {now:?}");
            increases += u32::from(now.1 > last.1);
        }
        last = now;
    }
    assert!(
        increases > 150,
        "it grows in each frame between two ticks: {increases}"
    );
}
