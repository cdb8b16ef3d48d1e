//! The measured game. Each player moves in every tick, and sends an event from time to time.

use std::time::Duration;

use bevy::prelude::*;
use bevy_huddle::{
    prelude::*,
    replication::ReplicationAppExt,
    testing::{Conditions, Lab, Player},
};
use serde::{Deserialize, Serialize};

/// Frames and ticks per second.
pub(crate) const HZ: f64 = 60.0;

/// The number of ticks between two events of a player: two seconds.
const SPLASH_EVERY: u32 = 120;

/// The behavior of all players.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Activity {
    /// The players have a pose and do not move.
    Idle,
    /// The players have a new pose in every tick, and broadcast an event every two seconds.
    Play,
}

/// The movement of the local player.
#[derive(Resource, Clone, Copy, Default)]
pub(crate) struct Motion(Pose);

/// A component of 16 bytes, which all change in every tick.
#[derive(Component, Serialize, Deserialize, Clone, Copy, Default)]
pub(crate) struct Pose([f32; 4]);

/// An event.
#[derive(Serialize, Deserialize)]
struct Splash {
    strength: f32,
}

/// Adds the game without networking.
pub(crate) fn offline(app: &mut App) {
    app.init_resource::<Motion>().add_systems(FixedUpdate, step);
}

/// Adds the game with networking.
pub(crate) fn online(app: &mut App, activity: Activity) {
    offline(app);
    app.replicate::<Pose>("pose")
        .register_required_components::<LocalPeer, Pose>()
        .add_peer_event::<Splash>("splash")
        .add_observer(|splash: On<FromPeer<Splash>>, mut motion: ResMut<Motion>| {
            motion.0.0[0] += splash.message.strength;
        });
    if activity == Activity::Play {
        app.add_systems(FixedUpdate, (set_pose, splash).after(step));
    }
}

/// Creates a room in which every player has received the pose of every other player.
pub(crate) fn meet(count: usize, activity: Activity, network: Conditions) -> (Lab, Vec<Player>) {
    let mut lab = Lab::new(1);
    lab.network(network);
    let players: Vec<_> = (0..count)
        .map(|_| lab.player(move |app| online(app, activity)))
        .collect();
    lab.run_until(|lab| {
        players.iter().all(|&viewer| {
            let mut others = players.iter().filter(|&&other| other != viewer);
            others.all(|&other| {
                let peer = lab.find_peer(viewer, other);
                peer.is_some_and(|peer| lab[viewer].world().get::<Pose>(peer).is_some())
            })
        })
    });
    // Waits until the clocks are synchronized and all initial messages have been sent.
    lab.run_for(Duration::from_secs(10));
    (lab, players)
}

fn step(time: Res<Time>, mut motion: ResMut<Motion>) {
    let now = time.elapsed_secs();
    motion.0.0 = [now.sin(), now.cos(), now.cos(), -now.sin()].map(|x| 100.0 * x);
}

fn set_pose(motion: Res<Motion>, mut pose: Single<&mut Pose, With<LocalPeer>>) {
    **pose = motion.0;
}

fn splash(mut ticks: Local<u32>, mut commands: Commands) {
    *ticks += 1;
    if ticks.is_multiple_of(SPLASH_EVERY) {
        commands.broadcast(Splash { strength: 0.5 });
    }
}
