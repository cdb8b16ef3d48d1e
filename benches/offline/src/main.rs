//! `examples/hello` without networking: one player who joins no room, shares nothing and tells
//! nobody. `cargo xtask bench page` compares the two pages.
//!
//! The names of what peers are and do stay, since the modules of hello use them; what would carry it
//! over a network is not linked.

#[path = "../../../examples/hello/src"]
mod hello {
    pub(crate) mod art;
    pub(crate) mod avatar;
    pub(crate) mod backdrop;
    pub(crate) mod bot;
    pub(crate) mod controls;
    pub(crate) mod fade;
    pub(crate) mod look;
    pub(crate) mod pose;
    #[expect(dead_code, reason = "nobody else moves here")]
    pub(crate) mod smooth;
    pub(crate) mod splash;
}

use bevy::prelude::*;
use bevy_huddle::PeerId;
use example_kit::{Display, ExampleKit};

// Its modules look for each other here.
use hello::{art, avatar, backdrop, bot, controls, fade, look, pose, smooth, splash};

use avatar::{Avatar, Me};
use controls::Wish;
use pose::Pose;

fn main() -> AppExit {
    let kit = ExampleKit::new("hello")
        .controls("arrows, WASD or press where to go - space or double tap to splash");
    let seen = kit.options().display != Display::Headless;
    let mut app = App::new();
    app.add_plugins(kit)
        .insert_resource(Time::<Fixed>::from_hz(60.0))
        .add_systems(Startup, spawn_me)
        .add_systems(FixedUpdate, (move_me, make_splash).chain())
        .add_systems(Update, smooth::place_me)
        .add_plugins((controls::plugin, bot::plugin));
    if seen {
        app.add_plugins((
            art::plugin,
            backdrop::plugin,
            look::plugin,
            splash::plugin,
            fade::plugin,
        ));
    }
    app.run()
}

fn spawn_me(mut commands: Commands) {
    let me = PeerId::from_u128(0);
    commands.spawn((Me, Avatar(me), Pose::start(me)));
}

fn move_me(wish: Res<Wish>, time: Res<Time>, mut me: Single<&mut Pose, With<Me>>) {
    let next = me.step(&wish, time.delta_secs());
    me.set_if_neq(next);
}

fn make_splash(
    mut wish: ResMut<Wish>,
    me: Single<(Entity, &Pose), With<Me>>,
    mut commands: Commands,
) {
    if std::mem::take(&mut wish.splash) {
        let (entity, pose) = *me;
        let size = pose.velocity().length() / Pose::TOP_SPEED;
        commands.trigger(splash::Ripple::new(entity, size));
    }
}
