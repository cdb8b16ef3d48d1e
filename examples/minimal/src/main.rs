//! Every player moves a square with the arrow keys, and sees the squares of the other players.

use bevy::prelude::*;
use bevy_huddle::prelude::*;
use serde::{Deserialize, Serialize};

/// State that a player shares. The other players see its latest value.
#[derive(Serialize, Deserialize)]
struct Position {
    x: f32,
    y: f32,
}

fn main() {
    App::new()
        .add_plugins((DefaultPlugins, HuddlePlugins))
        .add_peer_state::<Position>("position")
        .add_systems(Startup, setup)
        .add_observer(spawn_square)
        .add_systems(FixedUpdate, move_local_square.run_if(in_room))
        .add_systems(Update, move_other_squares)
        .run();
}

fn setup(mut commands: Commands) {
    commands.spawn(Camera2d);
    commands.join_room("ws://localhost:3536/minimal");
}

/// Each peer is an entity, including the local peer. It is despawned when the player leaves.
fn spawn_square(added: On<Add, Peer>, peers: Query<&Peer>, mut commands: Commands) -> Result {
    let id = peers.get(added.entity)?.id;
    // Each square has the same color and the same start position on every screen.
    let hue = (id.as_u128() % 360) as f32;
    commands.entity(added.entity).insert((
        Sprite::from_color(Color::hsl(hue, 0.8, 0.6), Vec2::splat(60.0)),
        Transform::from_xyz(2.0 * hue - 360.0, 0.0, 0.0),
    ));
    Ok(())
}

fn move_local_square(
    keys: Res<ButtonInput<KeyCode>>,
    time: Res<Time>,
    mut square: Single<&mut Transform, With<LocalPeer>>,
    mut commands: Commands,
) {
    let axis = |minus, plus| f32::from(keys.pressed(plus)) - f32::from(keys.pressed(minus));
    let x = axis(KeyCode::ArrowLeft, KeyCode::ArrowRight);
    let y = axis(KeyCode::ArrowDown, KeyCode::ArrowUp);
    square.translation += Vec3::new(x, y, 0.0) * 300.0 * time.delta_secs();
    let Vec3 { x, y, .. } = square.translation;
    commands.share(Position { x, y });
}

fn move_other_squares(mut peers: Query<(&Shared<Position>, &mut Transform)>) {
    for (position, mut transform) in &mut peers {
        transform.translation = Vec3::new(position.x, position.y, 0.0);
    }
}
