//! A small complete game: each player is a shape that moves around and makes splashes.
//!
//! This file is the netcode, in reading order. `controls` and `bot` produce a
//! player's input, `pose` moves a shape, and the other modules draw.

mod art;
mod backdrop;
mod bot;
mod controls;
mod look;
mod pose;
mod splash;

use bevy::prelude::*;
use bevy_huddle::{prelude::*, replication::*};
use example_kit::{Display, ExampleKit, Options, bot_plugin};
use serde::{Deserialize, Serialize};

use controls::PlayerInput;
use pose::Pose;

/// A message about something that happens once. Each peer receives it once, and in order.
///
/// A value that changes constantly, such as a [`Pose`], is a component. Only its latest value counts.
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
        // 1. Register components and events, under names that are the same in every build of the
        //    game.
        .replicate_with::<Pose>("pose", replicate_pose)
        .add_peer_event::<Splash>("splash")
        // 2. Join a room.
        .add_systems(Startup, join)
        .add_observer(place_local_player)
        // 3. Move in fixed ticks. The plugin sends the pose and moves the shapes of all players. A
        //    shape appears with the first pose (see `look`), and disappears with the player's entity.
        .add_systems(FixedUpdate, (move_local_player, make_splash).chain())
        // 4. React to events.
        .add_observer(on_splash)
        .add_plugins((controls::plugin, bot_plugin::<bot::WanderingBot>));
    if has_window {
        app.add_plugins((art::plugin, backdrop::plugin, look::plugin, splash::plugin));
    }
    app
}

/// Describes what the other players see of a pose: the position in steps of a twentieth of a unit, but
/// not the velocity. The ranges are those of the arena, so a peer cannot be anywhere else.
///
/// `draw` moves the shape smoothly, between the ticks of the local player and between the packets of
/// the others.
fn replicate_pose(rule: ReplicationRule<Pose>) -> ReplicationRule<Pose> {
    let [x, y] = Pose::reach().to_array();
    rule.scalar(
        |pose| pose.at.x,
        |pose, x| pose.at.x = x,
        within(x).step(0.05),
    )
    .scalar(
        |pose| pose.at.y,
        |pose, y| pose.at.y = y,
        within(y).step(0.05),
    )
    .draw(|pose, transform| *transform = pose.transform())
}

/// A room is a URL on a signaling server, such as `ws://localhost:3536/hello`. Players who join the
/// same URL meet. If joining fails, the kit shows the reason.
fn join(options: Res<Options>, mut commands: Commands) {
    commands.join_room(options.room());
}

/// Every player in the room is an entity, including the local player. A registered component on
/// the local player's entity also appears on that player's entity in every other game.
fn place_local_player(
    added: On<Add, LocalPeer>,
    peers: Query<&Peer>,
    mut commands: Commands,
) -> Result {
    let id = peers.get(added.entity)?.id;
    commands.entity(added.entity).insert(Pose::start(id));
    Ok(())
}

/// Each player decides its own pose, so moving never waits for the network.
fn move_local_player(
    input: Res<PlayerInput>,
    time: Res<Time>,
    mut pose: Single<&mut Pose, With<LocalPeer>>,
) {
    let next = pose.step(&input, time.delta_secs());
    pose.set_if_neq(next);
}

/// `Recipients::All` includes the local peer, so one observer handles every splash.
fn make_splash(
    mut input: ResMut<PlayerInput>,
    pose: Single<&Pose, With<LocalPeer>>,
    mut commands: Commands,
) {
    if std::mem::take(&mut input.splash) {
        let size = pose.velocity.length() / Pose::TOP_SPEED;
        commands.send_to(Recipients::All, Splash { size });
    }
}

/// A received event contains the entity of the peer that sent it. The game checks its content, because
/// a peer can send any number.
fn on_splash(splash: On<FromPeer<Splash>>, mut commands: Commands) {
    commands.trigger(splash::Ripple::new(splash.entity, splash.message.size));
}
