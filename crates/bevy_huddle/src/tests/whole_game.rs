//! Plays a small game with a moving shape in the lab, and tests the lab's own guarantees.

use std::time::Duration;

use bevy::prelude::*;
use serde::{Deserialize, Serialize};

use super::game::bad_network;
use crate::{
    prelude::*,
    replication::{ReplicationAppExt, within},
    testing::{Conditions, Lab, Player},
};

/// The position of a player's avatar.
#[derive(Component, Clone, Copy, Default)]
struct Pose(Vec2);

#[derive(Clone, Serialize, Deserialize)]
struct Splash;

fn game(app: &mut App) {
    app.replicate_with::<Pose>("pose", |rule| {
        rule.vec2(
            |pose| pose.0,
            |pose, at| pose.0 = at,
            within(200.0).step(0.5),
        )
    })
    .add_peer_event::<Splash>("splash")
    .add_systems(Startup, start)
    .add_systems(FixedUpdate, move_avatar.run_if(in_room))
    .add_observer(spawn_avatar);
}

fn start(mut commands: Commands) {
    commands.join_room("ws://localhost:3536/my-game");
}

fn spawn_avatar(added: On<Add, LocalPeer>, mut commands: Commands) {
    commands.entity(added.entity).insert(Pose::default());
}

/// Moves to the right for two seconds, and then sends a splash.
fn move_avatar(mut pose: Single<&mut Pose, With<LocalPeer>>, mut commands: Commands) {
    if pose.0.x < 120.0 {
        pose.0.x += 1.0;
        if pose.0.x == 120.0 {
            commands.broadcast(Splash);
        }
    }
}

/// Returns the horizontal position of `other` in the world of `viewer`.
fn x(lab: &Lab, viewer: Player, other: Player) -> f32 {
    lab.seen::<Pose>(viewer, other).map_or(0.0, |pose| pose.0.x)
}

#[test]
fn peer_receives_movement_and_splash() {
    let mut lab = Lab::new(1);
    lab.record::<FromPeer<Splash>>();
    lab.network(bad_network());
    let (ada, bob) = (lab.player(game), lab.player(game));
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    let early = x(&lab, bob, ada);
    assert!(early < 60.0, "{early}");
    lab.run_until(|lab| x(lab, bob, ada) == 120.0);
    lab.run_for(Duration::from_secs(5));
    assert_eq!(lab.take_events::<FromPeer<Splash>>(bob).len(), 1);
}

/// Returns the positions that every player sees at regular times, in a match with partitions and
/// players that vanish and return.
fn trace(seed: u64) -> Vec<(Duration, Vec<Option<f32>>)> {
    let mut lab = Lab::new(seed);
    lab.network(bad_network());
    let players = [(); 4].map(|()| lab.player(game));
    let [ada, bob, carl, dora] = players;
    let mut trace = Vec::new();
    for second in 0..12 {
        match second {
            2 => lab.partition(&[ada], &[bob, carl]),
            4 => lab.kill(dora),
            6 => lab.heal(),
            8 => lab.rejoin(dora),
            9 => lab.network(Conditions::default()),
            _ => {}
        }
        for _ in 0..20 {
            lab.run_for(Duration::from_millis(50));
            let pairs = players.map(|viewer| players.map(|other| (viewer, other)));
            let seen = pairs
                .into_iter()
                .flatten()
                .map(|(viewer, other)| lab.seen::<Pose>(viewer, other).map(|pose| pose.0.x));
            trace.push((lab.now(), seen.collect()));
        }
    }
    trace
}

#[test]
fn same_seed_produces_same_match() {
    assert_eq!(trace(3), trace(3));
    assert_ne!(trace(3), trace(4));
}

#[test]
#[should_panic(expected = "the condition is still false after 60s")]
fn run_until_panics_after_a_minute() {
    let mut lab = Lab::new(1);
    lab.player(game);
    lab.run_until(|_| false);
}

#[test]
#[should_panic(expected = "this player was killed")]
fn killed_player_has_no_app() {
    let mut lab = Lab::new(1);
    let ada = lab.player(game);
    lab.kill(ada);
    lab.app(ada);
}
