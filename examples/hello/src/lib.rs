//! The smallest useful game: everybody is a shape that moves about and makes splashes.
//!
//! This file is the netcode, in the order one learns it. How a shape is steered is in `controls` and
//! `bot`, how it moves in `pose`, and how everything looks in the rest.

mod art;
mod avatar;
mod backdrop;
mod bot;
mod controls;
mod fade;
mod look;
mod pose;
mod smooth;
mod splash;

use bevy::prelude::*;
use bevy_huddle::prelude::*;
use example_kit::{Display, ExampleKit, Options};
use serde::{Deserialize, Serialize};

use avatar::{Avatar, Me};
use controls::Wish;
use pose::Pose;
use smooth::Smooth;

/// Something that happens once. As an event it reaches everybody, and in order.
///
/// What changes all the time is state instead: see [`Pose`]. Of state only the latest value counts.
#[derive(Serialize, Deserialize)]
pub struct Splash {
    /// 0 is small, 1 is large.
    size: f32,
}

/// The game, ready to run.
pub fn app() -> App {
    let kit = ExampleKit::new("hello")
        .controls("arrows, WASD or press where to go - space or double tap to splash");
    let seen = kit.options().display != Display::Headless;
    let mut app = App::new();
    app.add_plugins((kit, HuddlePlugins))
        // A tick for each frame of most displays. All peers need the same rate.
        .insert_resource(Time::<Fixed>::from_hz(60.0))
        // 1. Say what travels, under names that are the same in every build of the game.
        .add_peer_state::<Pose>("pose")
        .add_peer_event::<Splash>("splash")
        // 2. Join a room.
        .add_systems(Startup, join)
        .add_observer(spawn_me)
        // 3. Move, and let the others know. Both belong into the fixed ticks.
        .add_systems(
            FixedUpdate,
            (move_me, share_pose, make_splash).chain().run_if(in_room),
        )
        // 4. See the others. They come with their first pose and go with their peer entity.
        .add_observer(spawn_peer)
        .add_systems(Update, (smooth::place_me, smooth::place_peers))
        // 5. See what they do.
        .add_observer(on_splash)
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
    app
}

/// A room is an address on a signaling server, like `ws://localhost:3536/hello`. Whoever joins the
/// same address meets. If that fails, the kit's screen says why.
fn join(options: Res<Options>, mut commands: Commands) {
    commands.join_room(options.room());
}

/// The local peer has an entity as well. Its id is the player's identity on every screen.
fn spawn_me(added: On<Add, LocalPeer>, peers: Query<&Peer>, mut commands: Commands) -> Result {
    let id = peers.get(added.entity)?.id;
    commands
        .entity(added.entity)
        .insert((Me, Avatar(id), Pose::start(id)));
    Ok(())
}

/// I alone decide where I am, so I never wait for the network.
fn move_me(wish: Res<Wish>, time: Res<Time>, mut me: Single<&mut Pose, With<Me>>) {
    let next = me.step(&wish, time.delta_secs());
    me.set_if_neq(next);
}

/// Sharing replaces the value that the others see. It may be lost on the way, and is sent again
/// until a newer one replaces it.
fn share_pose(me: Single<&Pose, (With<Me>, Changed<Pose>)>, mut commands: Commands) {
    commands.share(**me);
}

/// All includes the sender.
fn make_splash(mut wish: ResMut<Wish>, me: Single<&Pose, With<Me>>, mut commands: Commands) {
    if std::mem::take(&mut wish.splash) {
        let size = me.velocity().length() / Pose::TOP_SPEED;
        commands.send_to(Recipients::All, Splash { size });
    }
}

/// What a peer shares is a component of its entity. The entity is ours to build on: when the peer
/// leaves, all of it goes.
fn spawn_peer(
    first: On<Add, Shared<Pose>>,
    peers: Query<(&Peer, &Shared<Pose>)>,
    mut commands: Commands,
) -> Result {
    let (peer, pose) = peers.get(first.entity)?;
    commands
        .entity(first.entity)
        .insert((Avatar(peer.id), Smooth::at(pose)));
    Ok(())
}

/// An event comes with the entity of who sent it.
fn on_splash(splash: On<FromPeer<Splash>>, mut commands: Commands) {
    commands.trigger(splash::Ripple::new(splash.entity, splash.message.size));
}
