//! What a game learns of its match: desyncs, checksums, and the time between ticks.

use std::{collections::BTreeMap, time::Duration};

use bevy::prelude::*;

use super::game::{add_desync, add_game, bad_network, is_running, play, plugin, status};
use crate::{
    rollback::{MatchDesynced, RollbackCommandsExt},
    testing::{Lab, Player},
};

#[test]
fn desync_report_names_the_component_the_entity_and_both_values() {
    let mut lab = Lab::new(31);
    lab.network(bad_network());
    lab.record::<MatchDesynced>();
    let players = [false, true].map(|is_wrong| {
        lab.player(move |app| {
            app.add_plugins(plugin().start_with(2))
                .add_plugins(add_game);
            if is_wrong {
                add_desync(app);
            }
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

/// Plays for some seconds. Returns the checksums that each player reports, by tick.
fn reported_checksums(lab: &mut Lab, players: &[Player], seconds: u32) -> Vec<BTreeMap<u32, u64>> {
    let mut reported = vec![BTreeMap::new(); players.len()];
    for _ in 0..100 * seconds {
        lab.run_for(Duration::from_millis(10));
        for (&player, reported) in players.iter().zip(&mut reported) {
            let status = status(lab, player);
            if let Some((tick, checksum)) = status.checksum {
                assert!(tick.0.is_multiple_of(30) && !tick.is_after(status.confirmed));
                let known = reported.insert(tick.0, checksum);
                assert!(
                    known.is_none_or(|known| known == checksum),
                    "a rollback has changed a confirmed state"
                );
            }
        }
    }
    reported
}

#[test]
fn players_report_the_same_checksums_in_consecutive_matches() {
    let mut lab = Lab::new(33);
    lab.network(bad_network());
    let players = play(&mut lab, 2);
    let mut first_checksums = Vec::new();
    for number in [1, 2] {
        for &player in &players {
            assert_eq!(status(&lab, player).number, number);
        }
        let reported = reported_checksums(&mut lab, &players, 3);
        let [one, other] = &reported[..] else {
            panic!("two players: {reported:?}");
        };
        let common = one.keys().filter(|tick| other.contains_key(tick));
        assert!(common.clone().count() >= 4, "{reported:?}");
        for tick in common {
            assert_eq!(one[tick], other[tick], "tick {tick} of match {number}");
        }
        first_checksums.push(one[&30]);
        let seats = status(&lab, players[0]).seats.clone();
        for &player in &players {
            let seats = seats.clone();
            lab.commands(player, |commands| commands.start_match(seats));
        }
        lab.run_until(|lab| {
            let mut players = players.iter();
            players.all(|&player| status(lab, player).number > number)
        });
    }
    assert_ne!(first_checksums[0], first_checksums[1], "two seeds");
    lab.commands(players[0], |commands| commands.leave_match());
    // The host soon starts another match.
    lab.run_for(Duration::from_millis(200));
    assert!(!is_running(&lab, players[0]));
    let left = status(&lab, players[0]);
    assert_eq!((left.number, left.checksum), (3, None));
}
