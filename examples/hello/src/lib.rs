//! A small complete game: each player is a shape that moves around and makes splashes.
//!
//! This file is the netcode, in the order in which to learn it. `controls` and `bot` produce a
//! player's input, `pose` moves a shape, and the other modules draw.

mod art;
mod avatar;
mod backdrop;
mod bot;
mod controls;
mod look;
mod pose;
mod smooth;
mod splash;

use bevy::prelude::*;
use bevy_huddle::prelude::*;
use example_kit::{Display, ExampleKit, Options};
use serde::{Deserialize, Serialize};

use avatar::Avatar;
use controls::PlayerInput;
use pose::Pose;
use smooth::Smooth;

/// A message about something that happens once. Each peer receives it once, and in order.
///
/// A value that changes constantly, such as a [`Pose`], is state. Only its latest value counts.
#[derive(Serialize, Deserialize)]
pub struct Splash {
    /// The size from 0 (small) to 1 (large).
    size: f32,
}

/// Returns the game, ready to run.
pub fn app() -> App {
    let kit = ExampleKit::new("hello")
        .controls("Move: arrow keys, WASD or press a point - Splash: space or double tap");
    let has_window = kit.options().display != Display::Headless;
    let mut app = App::new();
    app.add_plugins((kit, HuddlePlugins))
        // One tick per frame of most displays. All peers need the same rate.
        .insert_resource(Time::<Fixed>::from_hz(60.0))
        // 1. Register the messages, under names that are the same in every build of the game.
        .add_peer_state::<Pose>("pose")
        .add_peer_event::<Splash>("splash")
        // 2. Join a room.
        .add_systems(Startup, join)
        .add_observer(spawn_local_avatar)
        // 3. Move, and share the new pose. Both belong in fixed ticks.
        .add_systems(
            FixedUpdate,
            (move_local_player, share_pose, make_splash)
                .chain()
                .run_if(in_room),
        )
        // 4. Show the other players. An avatar appears with the peer's first pose, and disappears
        //    with the peer's entity.
        .add_observer(spawn_peer_avatar)
        .add_systems(Update, (smooth::place_local_player, smooth::place_peers))
        // 5. React to events.
        .add_observer(on_splash)
        .add_plugins((controls::plugin, bot::plugin));
    if has_window {
        app.add_plugins((art::plugin, backdrop::plugin, look::plugin, splash::plugin));
    }
    app
}

/// A room is a URL on a signaling server, such as `ws://localhost:3536/hello`. Players who join the
/// same URL meet. If joining fails, the kit shows the reason.
fn join(options: Res<Options>, mut commands: Commands) {
    commands.join_room(options.room());
}

/// The local peer has an entity too. Its id identifies the player on every screen.
fn spawn_local_avatar(
    added: On<Add, LocalPeer>,
    peers: Query<&Peer>,
    mut commands: Commands,
) -> Result {
    let id = peers.get(added.entity)?.id;
    commands
        .entity(added.entity)
        .insert((Avatar(id), Pose::start(id)));
    Ok(())
}

/// Each peer decides its own pose, so moving never waits for the network.
fn move_local_player(
    input: Res<PlayerInput>,
    time: Res<Time>,
    mut pose: Single<&mut Pose, With<LocalPeer>>,
) {
    let next = pose.step(&input, time.delta_secs());
    pose.set_if_neq(next);
}

/// Replaces the value that the other peers see. If a packet is lost, the session sends the value
/// again, until a newer one replaces it.
fn share_pose(pose: Single<&Pose, (With<LocalPeer>, Changed<Pose>)>, mut commands: Commands) {
    commands.share(**pose);
}

/// `Recipients::All` includes the local peer, so one observer handles every splash.
fn make_splash(
    mut input: ResMut<PlayerInput>,
    pose: Single<&Pose, With<LocalPeer>>,
    mut commands: Commands,
) {
    if std::mem::take(&mut input.splash) {
        let size = pose.velocity().length() / Pose::TOP_SPEED;
        commands.send_to(Recipients::All, Splash { size });
    }
}

/// Shared state is a component on the peer's entity. The game may add its own components and
/// children. They are despawned with the entity when the peer leaves.
fn spawn_peer_avatar(
    added: On<Add, Shared<Pose>>,
    peers: Query<(&Peer, &Shared<Pose>)>,
    mut commands: Commands,
) -> Result {
    let (peer, pose) = peers.get(added.entity)?;
    commands
        .entity(added.entity)
        .insert((Avatar(peer.id), Smooth::at(pose)));
    Ok(())
}

/// A received event contains the entity of the peer that sent it.
fn on_splash(splash: On<FromPeer<Splash>>, mut commands: Commands) {
    commands.trigger(splash::Ripple::new(splash.entity, splash.message.size));
}
