//! What players see on the screen: desyncs and the net graph, in apps without a renderer.

use std::time::Duration;

use bevy::prelude::*;

use super::{
    game::{add_desync, add_game, is_running, plugin, status},
    mistakes::assert_names,
};
use crate::{
    rollback::{
        DesyncOverlayPlugin, MatchDesynced, NetGraphPlugin, RollbackCommandsExt, Seat,
        SimulationProblem,
    },
    testing::{Lab, Player},
};

/// Returns the texts on a player's screen.
fn shown_text(lab: &mut Lab, player: Player) -> String {
    let world = lab.app_mut(player).world_mut();
    let mut texts = world.query::<(Entity, &Text)>();
    let shown = texts
        .iter(world)
        .filter(|&(entity, _)| is_shown(world, entity));
    let shown: Vec<_> = shown.map(|(_, text)| text.as_str()).collect();
    shown.join("\n")
}

fn is_shown(world: &World, entity: Entity) -> bool {
    let node = world.get::<Node>(entity);
    let parent = world.get::<ChildOf>(entity);
    node.is_some_and(|node| node.display != Display::None)
        && parent.is_none_or(|parent| is_shown(world, parent.parent()))
}

#[test]
fn overlay_names_what_differs_until_the_next_match() {
    let mut lab = Lab::new(51);
    lab.record::<MatchDesynced>();
    let players = [false, true].map(|is_wrong| {
        lab.player(move |app| {
            app.add_plugins((plugin().start_with(2), DesyncOverlayPlugin))
                .add_plugins(add_game);
            if is_wrong {
                add_desync(app);
            }
        })
    });
    lab.run_until(|lab| players.iter().all(|&player| is_running(lab, player)));
    for player in players {
        assert_eq!(shown_text(&mut lab, player), "");
    }
    lab.run_for(Duration::from_secs(5));
    for (player, is_wrong) in players.into_iter().zip([false, true]) {
        let desyncs = lab.take_events::<MatchDesynced>(player);
        let report = &desyncs.first().expect("a report within 5 s").report;
        let fields = report.types[0].entities[0].fields();
        let [shots] = &fields[..] else {
            panic!("one field differs: {report}");
        };
        let (mine, theirs) = (
            shots.mine.as_deref().unwrap(),
            shots.theirs.as_deref().unwrap(),
        );
        let wrong = if is_wrong { mine } else { theirs };
        assert!(wrong.len() == 4 && mine != theirs, "{mine} {theirs}");
        let values = format!("entity 1: shots is \"{mine}\" here, \"{theirs}\" there");
        let tick = format!("at tick {}:", report.tick);
        assert_names(&shown_text(&mut lab, player), &[&tick, "::Ship\"", &values]);
    }

    let seats = status(&lab, players[0]).seats.clone();
    for &player in &players {
        let seats = seats.clone();
        lab.commands(player, |commands| commands.start_match(seats));
    }
    lab.run_until(|lab| {
        let mut players = players.iter();
        players.all(|&player| status(lab, player).number == 2)
    });
    lab.run_for(Duration::from_millis(100));
    for player in players {
        assert_eq!(shown_text(&mut lab, player), "");
    }
}

#[test]
fn overlay_shows_a_long_report_in_part() {
    let mut lab = Lab::new(52);
    let player = lab.player(|app| {
        app.add_plugins((plugin(), DesyncOverlayPlugin));
    });
    for n in 0..6 {
        let problem = SimulationProblem::LocalData {
            system: format!("system {n}\n").repeat(20),
            data: "the clock".to_owned(),
            instead: "",
        };
        lab.commands(player, |commands| commands.trigger(problem));
    }
    lab.run_for(Duration::from_millis(100));
    let text = shown_text(&mut lab, player);
    assert_names(&text, &["system 0", "system 3", "... see the log"]);
    assert!(!text.contains("system 4"), "{text}");
    assert!(text.lines().count() < 60, "{text}");
}

/// Presses a key for a frame.
fn press(lab: &mut Lab, player: Player, key: KeyCode) {
    let world = lab.app_mut(player).world_mut();
    world.resource_mut::<ButtonInput<KeyCode>>().press(key);
    lab.frame(player);
    let world = lab.app_mut(player).world_mut();
    world.resource_mut::<ButtonInput<KeyCode>>().reset_all();
}

#[test]
fn key_shows_and_hides_the_net_graph_which_names_the_missing_seat() {
    let mut lab = Lab::new(53);
    let players = [(), ()].map(|()| {
        lab.player(|app| {
            app.init_resource::<ButtonInput<KeyCode>>()
                .add_plugins((plugin().start_with(2), NetGraphPlugin::default()))
                .add_plugins(add_game);
        })
    });
    let viewer = players[0];
    press(&mut lab, viewer, KeyCode::F3);
    assert_eq!(shown_text(&mut lab, viewer), "no match");
    lab.run_until(|lab| players.iter().all(|&player| is_running(lab, player)));
    lab.run_for(Duration::from_secs(3));
    let Seat(local) = status(&lab, viewer).local_seats[0];
    let local = format!("seat {local}: here, input delay 1 tick");
    let text = shown_text(&mut lab, viewer);
    assert_names(&text, &[&local, " ms", "rollback: at most", "kB/s"]);
    assert!(!text.contains("waits for it"), "{text}");

    press(&mut lab, viewer, KeyCode::F4);
    assert_names(&shown_text(&mut lab, viewer), &[&local]);
    press(&mut lab, viewer, KeyCode::F3);
    assert_eq!(shown_text(&mut lab, viewer), "");
    lab.kill(players[1]);
    lab.run_for(Duration::from_millis(2300));
    press(&mut lab, viewer, KeyCode::F3);
    let missing: Vec<_> = status(&lab, viewer).missing.iter().collect();
    let [missing] = missing[..] else {
        panic!("the match waits for one seat: {missing:?}");
    };
    let text = shown_text(&mut lab, viewer);
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("seat {missing}: ")));
    assert_names(
        line.unwrap_or(&text),
        &["inputs 8 ticks late", "the match waits for it"],
    );
}

#[test]
fn net_graph_can_be_shown_from_the_start_with_another_key() {
    let mut lab = Lab::new(54);
    let player = lab.player(|app| {
        let graph = NetGraphPlugin {
            key: KeyCode::Backquote,
            is_shown: true,
        };
        app.init_resource::<ButtonInput<KeyCode>>()
            .add_plugins((plugin(), graph));
    });
    lab.run_for(Duration::from_millis(100));
    assert_eq!(shown_text(&mut lab, player), "no match");
    press(&mut lab, player, KeyCode::F3);
    assert_eq!(shown_text(&mut lab, player), "no match");
    press(&mut lab, player, KeyCode::Backquote);
    assert_eq!(shown_text(&mut lab, player), "");
}
