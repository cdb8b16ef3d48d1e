//! Draws the platform, and a light behind it that turns red while it shrinks.

use bevy::prelude::*;

use super::art::Art;
use crate::simulation::Platform;

/// The depths, from the back to the front. Fighters are at 0.
const GLOW: f32 = -9.0;
const DISC: f32 = -8.0;

#[derive(Component)]
enum Layer {
    Glow,
    Disc,
}

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Startup, spawn).add_systems(Update, resize);
}

fn spawn(art: Res<Art>, mut commands: Commands) {
    let mut layer = |layer: Layer, image: &Handle<Image>, depth: f32| {
        let sprite = Sprite::from_image(image.clone());
        commands.spawn((layer, sprite, Transform::from_xyz(0.0, 0.0, depth)));
    };
    layer(Layer::Glow, &art.glow, GLOW);
    layer(Layer::Disc, &art.platform, DISC);
}

fn resize(
    platform: Res<Platform>,
    time: Res<Time>,
    mut shown: Local<f32>,
    mut layers: Query<(&Layer, &mut Sprite)>,
) {
    let goal = platform.radius;
    // A new round begins with a full platform, which grows quickly.
    *shown += (goal - *shown) * (1.0 - (-9.0 * time.delta_secs()).exp());
    let danger = (1.0 - goal / Platform::FULL).clamp(0.0, 1.0);
    for (layer, mut sprite) in &mut layers {
        let (scale, color) = match layer {
            Layer::Glow => (1.45, Color::oklcha(0.6, 0.16, 285.0 - 255.0 * danger, 0.5)),
            Layer::Disc => (1.0, Color::oklch(0.94, 0.1, 285.0 - 255.0 * danger)),
        };
        sprite.custom_size = Some(Vec2::splat(2.0 * *shown * scale));
        sprite.color = color;
    }
}
