//! Every player moves a square with the arrow keys, and sees the squares of the other players.

use bevy::prelude::*;
use bevy_huddle::{prelude::*, replication::*};

/// The position of a player's square, drawn smoothly on every screen.
#[derive(Component, Clone, Default, PartialEq)]
#[require(Transform)]
struct Place(Vec2);

fn main() {
    App::new()
        .add_plugins((DefaultPlugins, HuddlePlugins))
        .replicate_with::<Place>("place", |rule| {
            rule.vec2(
                |place| place.0,
                |place, at| place.0 = at,
                within(2000.0).step(0.1),
            )
            .draw(|place, transform| transform.translation = place.0.extend(0.0))
        })
        .add_systems(Startup, setup)
        .add_observer(spawn_square)
        .add_systems(FixedUpdate, move_square)
        .run();
}

fn setup(mut commands: Commands) {
    commands.spawn(Camera2d);
    commands.join_room("ws://localhost:3536/minimal");
}

/// Each peer is an entity, including the local peer. It is despawned when the player leaves.
fn spawn_square(added: On<Add, Peer>, peers: Query<&Peer>, mut commands: Commands) -> Result {
    let id = peers.get(added.entity)?.id;
    // Each square has the same color and the same start place on every screen.
    let hue = (id.as_u128() % 360) as f32;
    let start = Vec2::new(2.0 * hue - 360.0, 0.0);
    // Keep the position if it has already been received.
    commands.entity(added.entity).insert_if_new((
        Sprite::from_color(Color::hsl(hue, 0.8, 0.6), Vec2::splat(60.0)),
        Place(start),
    ));
    Ok(())
}

fn move_square(
    keys: Res<ButtonInput<KeyCode>>,
    time: Res<Time>,
    mut place: Single<&mut Place, With<LocalPeer>>,
) {
    let axis = |minus, plus| f32::from(keys.pressed(plus)) - f32::from(keys.pressed(minus));
    let x = axis(KeyCode::ArrowLeft, KeyCode::ArrowRight);
    let y = axis(KeyCode::ArrowDown, KeyCode::ArrowUp);
    place.0 += Vec2::new(x, y) * 300.0 * time.delta_secs();
}
