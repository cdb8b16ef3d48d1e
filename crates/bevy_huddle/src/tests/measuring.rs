use std::time::Duration;

use bevy::{
    diagnostic::{DiagnosticPath, DiagnosticsStore},
    prelude::*,
};

use super::game::{Blob, game, lab, set_pose};
use crate::{
    diagnostics::HuddleDiagnosticsPlugin as Paths,
    prelude::*,
    testing::{Conditions, Lab, Player},
};

fn value(lab: &Lab, player: Player, path: &DiagnosticPath) -> f64 {
    let diagnostics = lab[player].world().resource::<DiagnosticsStore>();
    diagnostics.get(path).unwrap().average().unwrap()
}

#[test]
fn diagnostics_show_peers_round_trip_times_and_rates() {
    let mut lab = lab();
    let measured = |app: &mut App| {
        game(app);
        app.add_plugins(HuddleDiagnosticsPlugin);
    };
    let ada = lab.player(measured);
    lab.run_for(Duration::from_secs(1));
    assert_eq!(value(&lab, ada, &Paths::PEERS), 0.0);
    let store = lab[ada].world().resource::<DiagnosticsStore>();
    assert_eq!(store.get(&Paths::RTT_WORST).unwrap().value(), None);

    let [bob, eve] = [lab.player(measured), lab.player(measured)];
    let latency = |ms| Conditions {
        latency: Duration::from_millis(ms),
        ..default()
    };
    lab.link(ada, bob, latency(20));
    lab.link(ada, eve, latency(50));
    for player in [ada, bob, eve] {
        lab[player].add_systems(FixedUpdate, |mut commands: Commands, mut n: Local<i32>| {
            *n += 1;
            set_pose(&mut commands, *n);
        });
    }
    // Run for longer than the history of the diagnostics.
    lab.run_for(Duration::from_secs(40));
    assert_eq!(value(&lab, ada, &Paths::PEERS), 2.0);
    let near = |path: &DiagnosticPath, expected: f64| {
        let value = value(&lab, ada, path);
        let error = (value - expected).abs() / expected;
        assert!(error < 0.05, "{path}: {value} instead of {expected}");
    };
    near(&Paths::RTT_MEAN, 70.0);
    near(&Paths::RTT_WORST, 100.0);
    near(&Paths::PACKETS_SENT, 120.0);
    near(&Paths::PACKETS_RECEIVED, 120.0);
    let packet = value(&lab, ada, &Paths::BYTES_SENT) / value(&lab, ada, &Paths::PACKETS_SENT);
    assert!((5.0..40.0).contains(&packet), "{packet} bytes per packet");
    near(&Paths::BYTES_RECEIVED, value(&lab, ada, &Paths::BYTES_SENT));
    assert_eq!(value(&lab, ada, &Paths::EVENTS_QUEUED), 0.0);
}

#[test]
fn loss_is_measured_on_sent_packets() {
    let mut lab = lab();
    let [ada, bob] = [(); 2].map(|()| {
        lab.player(|app| {
            game(app);
            app.add_plugins(HuddleDiagnosticsPlugin).add_systems(
                FixedUpdate,
                |mut commands: Commands, mut n: Local<i32>| {
                    *n += 1;
                    set_pose(&mut commands, *n);
                },
            );
        })
    });
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    let lossy = Conditions {
        loss: 0.2,
        ..default()
    };
    lab.one_way(ada, bob, lossy);
    lab.run_for(Duration::from_secs(40));
    let loss = value(&lab, ada, &Paths::LOSS_WORST);
    assert!((15.0..25.0).contains(&loss), "{loss}%");
    let other = value(&lab, bob, &Paths::LOSS_WORST);
    assert!(other < 2.0, "{other}%");
}

#[test]
fn diagnostics_show_queued_events_and_reset_when_peers_leave() {
    let mut lab = lab();
    let measured = |app: &mut App| {
        game(app);
        app.add_plugins(HuddleDiagnosticsPlugin);
    };
    let [ada, bob] = [lab.player(measured), lab.player(measured)];
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.partition(&[ada], &[bob]);
    lab.commands(ada, |commands| {
        (0..50).for_each(|_| commands.broadcast(Blob(vec![0; 8000])));
    });
    lab.run_for(Duration::from_secs(1));
    assert!(value(&lab, ada, &Paths::EVENTS_QUEUED) > 10_000.0);
    lab.run_for(Duration::from_secs(40));
    for path in [&Paths::PEERS, &Paths::EVENTS_QUEUED, &Paths::BYTES_SENT] {
        let value = value(&lab, ada, path);
        assert!(value.abs() < 1e-6, "{path}: {value}");
    }
}
