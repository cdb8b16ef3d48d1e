//! Physics that all players share: players roll through cubes, and own the cubes that they touch.
//!
//! This file is the netcode, in reading order. `physics` connects it with the physics engine, `touching`
//! decides who takes a cube, and the other modules play and draw.

mod body;
mod bot;
mod cast;
mod controls;
mod cube;
mod level;
mod look;
mod overlay;
mod physics;
mod player;
mod rolling;
mod scene;
#[cfg(test)]
mod tests;
mod touching;

use bevy::prelude::*;
use bevy_huddle::prelude::*;
use example_kit::{Display, ExampleKit, Options, bot_plugin};

pub use body::{Body, Cube};
use physics::CubeSystems;

/// Returns the game, ready to run.
pub fn app() -> App {
    let kit = ExampleKit::new("cubes")
        .controls(
            "Roll: arrow keys, WASD or press a point - Show bandwidth (B), priority (P), owners (O)",
        )
        .without_camera();
    let has_window = kit.options().display != Display::Headless;
    let mut app = App::new();
    app.add_plugins((kit, HuddlePlugins, game))
        .add_systems(Startup, join);
    if has_window {
        app.add_plugins((cast::plugin, scene::plugin, look::plugin, overlay::plugin));
    }
    app
}

/// The game without its window.
fn game(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(60.0))
        // 1. One component is all that the players share, of cubes and of balls.
        .replicate_with::<Body>("body", Body::replicate)
        .init_resource::<rolling::Rolling>()
        // 2. Every player's game builds the same level, and adds a ball to each player.
        .add_systems(Startup, (level::build, cube::spawn))
        .add_observer(player::place)
        .add_observer(player::add_physics)
        // 3. Move the ball of the local player, and take what it touches. The owner of a body simulates it.
        .add_systems(
            FixedUpdate,
            (
                player::roll,
                touching::touch_cubes,
                touching::touch_fallen_cubes,
                touching::give_cubes,
            )
                .chain()
                .in_set(CubeSystems::Play),
        )
        .add_plugins((
            physics::plugin,
            controls::plugin,
            bot_plugin::<bot::RollingBot>,
        ));
}

fn join(options: Res<Options>, mut commands: Commands) {
    commands.join_room(options.room());
}
