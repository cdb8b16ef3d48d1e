//! Matches of several players.

use std::time::Duration;

use bevy::prelude::*;
use serde::Serialize;

use super::game::{Age, Bangs, add_game, bad_network, play, plugin, ships, status};
use crate::{
    HuddleCommandsExt, TickRate,
    rollback::{
        MatchDesynced, MatchEnded, MatchStartFailed, MatchStarted, RollbackAppExt,
        RollbackCommandsExt, SeatLeft,
    },
    testing::Lab,
};

#[test]
fn players_simulate_the_same_match_over_a_bad_network() {
    for count in [2, 4] {
        let mut lab = Lab::new(7);
        lab.network(bad_network());
        let players = play(&mut lab, count);
        lab.run_for(Duration::from_secs(10));
        for &player in &players {
            let ticks = status(&lab, player).tick.0;
            assert!((550..660).contains(&ticks), "{ticks} ticks in 10 s");
            let age = lab[player].world().resource::<Age>().0;
            assert_eq!(age, ticks, "a rollback also restores resources");
            assert_eq!(ships(&mut lab, player).len(), count);
            let stats = status(&lab, player).stats;
            assert!(stats.rollbacks > 50 && stats.compared > 5, "{stats:?}");
            assert!(lab.take_events::<MatchDesynced>(player).is_empty());
        }
    }
}

#[test]
fn rolled_back_effects_start_once_for_each_shot() {
    let mut lab = Lab::new(8);
    lab.network(bad_network());
    let players = play(&mut lab, 2);
    lab.run_for(Duration::from_secs(10));
    for &player in &players {
        let shots: u32 = ships(&mut lab, player).iter().map(|ship| ship.shots).sum();
        let bangs = lab[player].world().resource::<Bangs>().0;
        // A mispredicted shot starts and is cancelled.
        assert!(
            shots > 20 && bangs >= shots && bangs < 2 * shots,
            "{shots} {bangs}"
        );
    }
}

#[test]
fn player_that_leaves_the_room_leaves_the_match_at_once() {
    let mut lab = Lab::new(9);
    lab.record::<SeatLeft>();
    let players = play(&mut lab, 3);
    lab.run_for(Duration::from_secs(1));
    lab.leave(players[2]);
    lab.run_for(Duration::from_millis(700));
    let before = status(&lab, players[0]).tick.0;
    lab.run_for(Duration::from_secs(1));
    assert!(
        status(&lab, players[0]).tick.0 > before + 50,
        "the match continues"
    );
    let left: Vec<_> = players[..2]
        .iter()
        .map(|&player| lab.take_events::<SeatLeft>(player))
        .collect();
    assert_eq!(left[0].len(), 1);
    assert_eq!(left[0][0].at_tick, left[1][0].at_tick);
}

#[test]
fn rematches_follow_each_other_at_the_same_tick_for_all() {
    let mut lab = Lab::new(10);
    lab.record::<MatchEnded>();
    lab.record::<MatchStarted>();
    lab.network(bad_network());
    let players = play(&mut lab, 3);
    for _ in 0..3 {
        lab.run_for(Duration::from_secs(2));
        let seats = status(&lab, players[0]).seats.clone();
        // Only the call of the host counts.
        for &player in &players {
            let seats = seats.clone();
            lab.commands(player, |commands| commands.start_match(seats));
        }
        lab.run_for(Duration::from_secs(3));
    }
    let mut ended = Vec::new();
    for &player in &players {
        assert!(lab.take_events::<MatchDesynced>(player).is_empty());
        assert_eq!(lab.take_events::<MatchStarted>(player).len(), 4);
        ended.push(lab.take_events::<MatchEnded>(player));
        let ticks = status(&lab, player).tick.0;
        assert!(
            ticks < 300 && lab[player].world().resource::<Age>().0 == ticks,
            "{ticks}"
        );
        assert_eq!(
            ships(&mut lab, player).len(),
            3,
            "entities of earlier matches are gone"
        );
    }
    assert_eq!(ended[0].len(), 3);
    assert!(ended.iter().all(|of| *of == ended[0]), "{ended:?}");
}

#[test]
fn different_registrations_are_named_and_no_match_starts() {
    #[derive(Component, Clone, PartialEq, Serialize)]
    struct Shield;

    let mut lab = Lab::new(11);
    lab.record::<MatchStartFailed>();
    let players = [false, true].map(|has_shield| {
        lab.player(move |app| {
            app.add_plugins(plugin().start_with(2))
                .add_plugins(add_game);
            if has_shield {
                app.rollback_component::<Shield>();
            }
        })
    });
    lab.run_for(Duration::from_secs(10));
    for player in players {
        let failed = lab.take_events::<MatchStartFailed>(player);
        assert!((1..=4).contains(&failed.len()), "{failed:?}");
        let text = failed[0].error.to_string();
        assert!(
            text.contains("rollback types") && text.contains("Shield"),
            "{text}"
        );
        assert!(!status(&lab, player).is_running());
    }
}

#[test]
fn match_starts_again_after_the_other_player_was_restarted() {
    let mut lab = Lab::new(12);
    lab.record::<SeatLeft>();
    let players = play(&mut lab, 2);
    lab.run_for(Duration::from_secs(1));
    lab.kill(players[1]);
    lab.run_for(Duration::from_secs(10));
    let left = lab.take_events::<SeatLeft>(players[0]);
    assert_eq!(left.len(), 1, "{left:?}");
    lab.rejoin(players[1]);
    lab.run_for(Duration::from_secs(6));
    for &player in &players {
        let ticks = status(&lab, player).tick.0;
        assert!(
            (60..400).contains(&ticks),
            "{ticks} ticks in the second match"
        );
        assert!(lab.take_events::<MatchDesynced>(player).is_empty());
    }
}

#[test]
fn player_may_leave_in_an_observer_of_the_match() {
    let mut lab = Lab::new(13);
    lab.record::<SeatLeft>();
    let stays = lab.player(|app| {
        app.add_plugins(plugin().start_with(2))
            .add_plugins(add_game);
    });
    let leaves = lab.player(|app| {
        app.add_plugins(plugin().start_with(2))
            .add_plugins(add_game)
            .add_observer(|_: On<MatchStarted>, mut commands: Commands| commands.leave_rooms());
    });
    lab.run_for(Duration::from_secs(12));
    assert!(!status(&lab, leaves).is_running());
    assert_eq!(lab.take_events::<SeatLeft>(stays).len(), 1);
    let before = status(&lab, stays).tick.0;
    lab.run_for(Duration::from_secs(1));
    assert!(
        status(&lab, stays).tick.0 > before + 50,
        "the other player plays on"
    );
}

#[test]
fn invalid_options_are_reported_now_and_then() {
    let mut lab = Lab::new(14);
    lab.record::<MatchStartFailed>();
    let players = [(), ()].map(|()| {
        lab.player(|app| {
            let plugin = plugin().start_with(2).configure(|setup| setup.window = 65);
            app.add_plugins(plugin).add_plugins(add_game);
        })
    });
    lab.run_for(Duration::from_secs(10));
    for player in players {
        let failed = lab.take_events::<MatchStartFailed>(player);
        assert!((1..=4).contains(&failed.len()), "{failed:?}");
        let text = failed[0].error.to_string();
        assert!(text.contains("window of 65"), "{text}");
    }
}

#[test]
fn rate_of_a_match_is_that_of_its_setup() {
    let mut lab = Lab::new(15);
    let players = [(), ()].map(|()| {
        lab.player(|app| {
            let rate = TickRate::from_hz(30.0).unwrap();
            let plugin = plugin()
                .start_with(2)
                .configure(move |setup| setup.rate = rate);
            app.add_plugins(plugin).add_plugins(add_game);
        })
    });
    lab.run_until(|lab| players.iter().all(|&player| status(lab, player).tick.0 > 0));
    lab.run_for(Duration::from_secs(5));
    for player in players {
        let ticks = status(&lab, player).tick.0;
        assert!((140..160).contains(&ticks), "{ticks} ticks in 5 s");
    }
}
