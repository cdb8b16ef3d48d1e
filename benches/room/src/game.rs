//! The game that is measured: everybody is somewhere else each tick, and splashes now and then.

use std::time::Duration;

use bevy::prelude::*;
use bevy_huddle::{
    prelude::*,
    testing::{Conditions, Lab, Player},
};
use serde::{Deserialize, Serialize};

/// Frames and ticks per second.
pub(crate) const HZ: f64 = 60.0;

/// Ticks from one event to the next: two seconds.
const SPLASH_EVERY: u32 = 120;

/// What all players do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Activity {
    /// They share a pose once, and stand still.
    Idle,
    /// They share another pose each tick, and splash now and then.
    Play,
}

/// 16 bytes of which all change in each tick.
#[derive(Resource, Serialize, Deserialize, Clone, Copy, Default)]
pub(crate) struct Pose([f32; 4]);

/// Something that happens.
#[derive(Serialize, Deserialize)]
struct Splash {
    strength: f32,
}

/// The game without a network.
pub(crate) fn offline(app: &mut App) {
    app.init_resource::<Pose>().add_systems(FixedUpdate, step);
}

/// The same over a network.
pub(crate) fn online(app: &mut App, activity: Activity) {
    offline(app);
    app.add_peer_state::<Pose>("pose")
        .add_peer_event::<Splash>("splash")
        .add_observer(|splash: On<FromPeer<Splash>>, mut pose: ResMut<Pose>| {
            pose.0[0] += splash.message.strength;
        });
    match activity {
        Activity::Idle => app.add_systems(FixedUpdate, share.after(step).run_if(run_once)),
        Activity::Play => app.add_systems(FixedUpdate, (share, splash).after(step)),
    };
}

/// A room in which everybody has seen everybody's pose.
pub(crate) fn meet(count: usize, activity: Activity, network: Conditions) -> (Lab, Vec<Player>) {
    let mut lab = Lab::new(1);
    lab.network(network);
    let players: Vec<_> = (0..count)
        .map(|_| lab.player(move |app| online(app, activity)))
        .collect();
    lab.run_until(|lab| {
        players.iter().all(|&viewer| {
            let mut others = players.iter().filter(|&&other| other != viewer);
            others.all(|&other| lab.shared::<Pose>(viewer, other).is_some())
        })
    });
    // Clocks settle, and what is said once has been said.
    lab.run_for(Duration::from_secs(10));
    (lab, players)
}

fn step(time: Res<Time>, mut pose: ResMut<Pose>) {
    let now = time.elapsed_secs();
    pose.0 = [now.sin(), now.cos(), now.cos(), -now.sin()].map(|x| 100.0 * x);
}

fn share(pose: Res<Pose>, mut commands: Commands) {
    commands.share(*pose);
}

fn splash(mut ticks: Local<u32>, mut commands: Commands) {
    *ticks += 1;
    if ticks.is_multiple_of(SPLASH_EVERY) {
        commands.broadcast(Splash { strength: 0.5 });
    }
}
