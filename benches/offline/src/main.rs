//! `examples/hello` without networking: one player, no room and no messages.
//! `cargo xtask bench page` compares the two pages.
//!
//! The modules of hello use a few types of bevy_huddle. Its networking code is not linked.

#[path = "../../../examples/hello/src"]
mod hello {
    pub(crate) mod art;
    pub(crate) mod backdrop;
    pub(crate) mod bot;
    pub(crate) mod controls;
    pub(crate) mod look;
    pub(crate) mod pose;
    pub(crate) mod splash;
}

use bevy::prelude::*;
use bevy_huddle::{LocalPeer, Peer, PeerId};
use example_kit::{Display, ExampleKit, bot_plugin};

// The modules of hello import each other from the root of the crate.
use hello::{art, backdrop, bot, controls, look, pose, splash};

use controls::PlayerInput;
use pose::Pose;

fn main() -> AppExit {
    let kit = ExampleKit::new("hello")
        .controls("Move: arrow keys, WASD or press a point - Splash: space or double tap");
    let has_window = kit.options().display != Display::Headless;
    let mut app = App::new();
    app.add_plugins(kit)
        .insert_resource(Time::<Fixed>::from_hz(60.0))
        .add_systems(Startup, spawn_local_player)
        .add_systems(FixedUpdate, (move_local_player, make_splash).chain())
        .add_systems(Update, draw_local_player)
        .add_plugins((controls::plugin, bot_plugin::<bot::WanderingBot>));
    if has_window {
        app.add_plugins((art::plugin, backdrop::plugin, look::plugin, splash::plugin));
    }
    app.run()
}

fn spawn_local_player(mut commands: Commands) {
    let peer = Peer {
        id: PeerId::from_u128(0),
        is_matchbox_client: false,
    };
    commands.spawn((LocalPeer, peer, Pose::start(peer.id)));
}

fn move_local_player(
    input: Res<PlayerInput>,
    time: Res<Time>,
    mut pose: Single<&mut Pose, With<LocalPeer>>,
) {
    let next = pose.step(&input, time.delta_secs());
    pose.set_if_neq(next);
}

fn make_splash(
    mut input: ResMut<PlayerInput>,
    player: Single<(Entity, &Pose), With<LocalPeer>>,
    mut commands: Commands,
) {
    if std::mem::take(&mut input.splash) {
        let (entity, pose) = *player;
        let size = pose.velocity.length() / Pose::TOP_SPEED;
        commands.trigger(splash::Ripple::new(entity, size));
    }
}

/// Frames fall between ticks, so the player is drawn a little ahead of the last tick.
fn draw_local_player(
    ticks: Res<Time<Fixed>>,
    player: Single<(&Pose, &mut Transform), With<LocalPeer>>,
) {
    let (pose, mut transform) = player.into_inner();
    let ahead = Pose {
        at: pose.at + pose.velocity * ticks.overstep().as_secs_f32(),
        ..*pose
    };
    *transform = ahead.transform();
}
