//! Draws the arena: a dark gradient, a faint grid and slowly drifting lights.

use bevy::prelude::*;
use example_kit::{ARENA, BACKGROUND, paint_color};

use crate::art::Art;

/// The depth of the arena, behind everything else.
const DEPTH: f32 = -10.0;
/// The size of a cell of the grid.
const CELL: f32 = 50.0;
/// The width of the glow around the arena.
const HALO: f32 = 24.0;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, spawn).add_systems(Update, drift);
}

#[derive(Component)]
struct Drift {
    phase: f32,
}

fn spawn(art: Res<Art>, mut images: ResMut<Assets<Image>>, mut commands: Commands) {
    let size = ARENA + 2.0 * HALO;
    let arena = images.add(paint_color(size.x as u32, size.y as u32, &|p| {
        arena(p * size / 2.0)
    }));
    let sprite = Sprite {
        custom_size: Some(size),
        ..Sprite::from_image(arena)
    };
    commands.spawn((sprite, Transform::from_xyz(0.0, 0.0, DEPTH)));

    let mut line = |at: Vec2, turn: Rot2, length: f32| {
        commands.spawn((
            Sprite {
                color: Color::srgba(0.55, 0.6, 1.0, 0.11),
                custom_size: Some(Vec2::new(length, 3.0)),
                ..Sprite::from_image(art.beam.clone())
            },
            Transform {
                translation: at.extend(DEPTH + 2.0),
                rotation: Quat::from_rotation_z(turn.as_radians()),
                ..default()
            },
        ));
    };
    let steps = |length: f32| {
        let half = (length / CELL / 2.0).ceil() as i32 - 1;
        (-half..=half).map(|step| step as f32 * CELL)
    };
    steps(ARENA.x).for_each(|x| line(Vec2::new(x, 0.0), Rot2::FRAC_PI_2, ARENA.y));
    steps(ARENA.y).for_each(|y| line(Vec2::new(0.0, y), Rot2::IDENTITY, ARENA.x));

    for (number, hue) in [285.0, 240.0, 330.0, 200.0].into_iter().enumerate() {
        commands.spawn((
            Drift {
                phase: number as f32 * 1.7,
            },
            Sprite {
                color: Color::oklcha(0.5, 0.16, hue, 0.13),
                custom_size: Some(Vec2::splat(560.0)),
                ..Sprite::from_image(art.glow.clone())
            },
            Transform::from_xyz(0.0, 0.0, DEPTH + 1.0),
        ));
    }
}

/// Returns the color at a point of the arena: darker towards the outside, with a bright edge.
fn arena(p: Vec2) -> Vec4 {
    const CORNER: f32 = 22.0;
    let q = p.abs() - ARENA / 2.0 + CORNER;
    let outside = q.max(Vec2::ZERO).length() + q.max_element().min(0.0) - CORNER;

    let background = BACKGROUND.to_srgba().to_vec4();
    let center = Vec4::new(0.085, 0.085, 0.185, 1.0);
    let edge = Vec4::new(0.038, 0.042, 0.095, 1.0);
    let far = (p / ARENA * 2.0).length_squared().min(1.6) / 1.6;
    let inner = center.lerp(edge, far);
    let mut color = if outside < 0.0 { inner } else { background };

    let line = (-(outside / 1.1).powi(2)).exp() * 0.75;
    let shine = (-outside.abs() / if outside < 0.0 { 16.0 } else { 6.0 }).exp() * 0.22;
    let fade = ((HALO - outside) / HALO).clamp(0.0, 1.0);
    color += Vec4::new(0.36, 0.34, 0.85, 0.0) * line.max(shine) * fade;

    // Noise of less than one step of brightness avoids visible bands in the gradient.
    let noise = (p.dot(Vec2::new(12.9898, 78.233)).sin() * 43_758.547).fract();
    color + Vec4::new(noise, noise, noise, 0.0) / 255.0
}

fn drift(time: Res<Time>, mut lights: Query<(&Drift, &mut Transform)>) {
    for (drift, mut transform) in &mut lights {
        let turn = time.elapsed_secs() * 0.11 + drift.phase;
        let reach = ARENA * 0.24;
        transform.translation.x = reach.x * (turn * 1.3 + drift.phase).sin();
        transform.translation.y = reach.y * (turn * 0.9).cos();
    }
}
