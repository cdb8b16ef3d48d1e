//! Desync reports as files, and the net graph.

use std::{fs, time::Duration};

use bevy::prelude::*;

use super::{
    game::{add_desync, add_game, bad_network, is_running, plugin},
    mistakes::assert_names,
};
use crate::{
    rollback::{DesyncFilePlugin, NetGraph, NetGraphDataPlugin},
    testing::{Conditions, Lab},
};

#[test]
fn desync_report_is_written_to_a_file() {
    let folder = std::env::temp_dir().join(format!("huddle-desync-test-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut lab = Lab::new(41);
    let players = [false, true].map(|is_wrong| {
        let file = DesyncFilePlugin {
            folder: folder.clone(),
            build: "arena 1.2.3".to_owned(),
        };
        lab.player(move |app| {
            app.add_plugins((plugin().start_with(2), file.clone()))
                .add_plugins(add_game);
            if is_wrong {
                add_desync(app);
            }
        })
    });
    lab.run_until(|lab| players.iter().all(|&player| is_running(lab, player)));
    lab.run_for(Duration::from_secs(5));
    let files = fs::read_dir(&folder).unwrap().map(|file| {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        (name, fs::read_to_string(file.path()).unwrap())
    });
    let files: Vec<_> = files.collect();
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(files.len(), 2, "one of each player");
    for (name, text) in &files {
        assert_names(name, &["huddle-desync-", ".txt"]);
        assert_names(
            text,
            &[
                "desync before tick 1",
                "::Ship\"",
                "entity 1: shots is \"",
                "\" here, \"",
                "\" there",
            ],
        );
        assert_names(
            text,
            &[
                "build: arena 1.2.3",
                "(here)",
                "(there)",
                "::Age (resource)",
            ],
        );
    }
    let has_more_here = |(_, text): &&(String, String)| text.contains("shots is \"10");
    assert_eq!(files.iter().filter(has_more_here).count(), 1, "both values");
}

#[test]
fn net_graph_shows_lag_rollbacks_bytes_and_who_is_waited_for() {
    let mut lab = Lab::new(42);
    lab.network(bad_network());
    let players = [(), ()].map(|()| {
        lab.player(|app| {
            app.add_plugins((plugin().start_with(2), NetGraphDataPlugin))
                .add_plugins(add_game);
        })
    });
    lab.run_until(|lab| players.iter().all(|&player| is_running(lab, player)));
    lab.run_for(Duration::from_secs(5));
    let graph = lab[players[0]].world().resource::<NetGraph>();
    let [local, other] = &graph.seats[..] else {
        panic!("two seats: {graph:?}");
    };
    let (local, other) = if local.is_local {
        (local, other)
    } else {
        (other, local)
    };
    assert!(local.is_local && local.rtt.is_none() && !other.is_local);
    assert!(other.input_lag.unwrap() > 2.0, "{other:?}");
    let rtt = other.rtt.unwrap().as_millis();
    assert!((100..250).contains(&rtt), "{rtt} ms");
    let shown = graph.frames.back().unwrap().at - graph.frames[0].at;
    assert!(shown <= Duration::from_secs(2) && shown > Duration::from_millis(1900));
    let resimulated: u64 = graph.frames.iter().map(|frame| frame.resimulated).sum();
    assert!(resimulated > 20, "{resimulated}");
    assert!(graph.frames.iter().any(|frame| frame.predicted > 3));
    let rates = [graph.bytes_sent, graph.bytes_received];
    assert!(
        rates.iter().all(|rate| (500.0..50_000.0).contains(rate)),
        "{rates:?}"
    );

    lab.kill(players[1]);
    lab.run_for(Duration::from_secs(1));
    let graph = lab[players[0]].world().resource::<NetGraph>();
    let other = graph.seats.iter().find(|seat| !seat.is_local).unwrap();
    assert!(other.is_missing && other.waits > 20, "{other:?}");
    assert!(graph.frames.back().unwrap().missing.contains(other.seat));
}

#[test]
fn net_graph_shows_how_late_the_inputs_of_each_seat_arrive() {
    let mut lab = Lab::new(44);
    let players = [(), (), ()].map(|()| {
        lab.player(|app| {
            app.add_plugins((plugin().start_with(3), NetGraphDataPlugin))
                .add_plugins(add_game);
        })
    });
    let far = Conditions {
        latency: Duration::from_millis(90),
        ..Conditions::default()
    };
    for near in &players[..2] {
        lab.link(*near, players[2], far);
    }
    lab.run_until(|lab| players.iter().all(|&player| is_running(lab, player)));
    lab.run_for(Duration::from_secs(4));
    for (viewer, other, expected) in [
        (0, 0, -1.0..=-1.0),
        // At once, less a tick of delay.
        (0, 1, -1.5..=0.5),
        // 90 ms are 5.8 ticks, less a tick of delay.
        (0, 2, 4.3..=6.3),
        (2, 1, 4.3..=6.3),
    ] {
        let [viewer, other] = [viewer, other].map(|player: usize| players[player]);
        let graph = lab[viewer].world().resource::<NetGraph>();
        assert_eq!(graph.input_delay, 1);
        let id = lab.peer_id(other);
        let seat = graph.seats.iter().find(|seat| seat.peer == id).unwrap();
        let lag = seat.input_lag.unwrap();
        assert!(expected.contains(&lag), "{lag} of {expected:?}");
    }

    let id = lab.peer_id(players[2]);
    lab.leave(players[2]);
    lab.run_for(Duration::from_secs(1));
    let graph = lab[players[0]].world().resource::<NetGraph>();
    let left = graph.seats.iter().find(|seat| seat.peer == id).unwrap();
    assert_eq!(left.input_lag, None);
}

#[test]
fn net_graph_is_empty_without_a_match() {
    let mut lab = Lab::new(43);
    let player = lab.player(|app| {
        app.add_plugins((plugin(), NetGraphDataPlugin));
    });
    lab.run_for(Duration::from_secs(1));
    let graph = lab[player].world().resource::<NetGraph>();
    assert!(graph.frames.is_empty() && graph.seats.is_empty());
}
