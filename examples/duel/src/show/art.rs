//! Images that the game paints at startup. They are white, so that a sprite can have any color.

use bevy::prelude::*;
use example_kit::{coverage, paint};

use crate::simulation::Platform;

/// The images.
#[derive(Resource)]
pub(crate) struct Art {
    /// A sharp disc.
    pub(crate) disc: Handle<Image>,
    /// A disc that is lit from above.
    pub(crate) ball: Handle<Image>,
    /// A soft round light.
    pub(crate) glow: Handle<Image>,
    /// A thin ring at the image's edge.
    pub(crate) ring: Handle<Image>,
    /// The platform with its circles.
    pub(crate) platform: Handle<Image>,
}

pub(super) fn plugin(app: &mut App) {
    app.add_systems(PreStartup, paint_all);
}

fn paint_all(mut images: ResMut<Assets<Image>>, mut commands: Commands) {
    let mut square = |size, pixel: &dyn Fn(Vec2) -> Vec2| images.add(paint(size, size, pixel));
    let art = Art {
        disc: square(64, &|p| Vec2::new(1.0, coverage(p.length() - 0.94, 64))),
        ball: square(128, &|p| {
            let distance = p.length();
            let light = 0.84 + 0.12 * p.y + 0.1 * ((distance - 0.96) * 9.0).exp().min(1.0);
            Vec2::new(light.clamp(0.0, 1.0), coverage(distance - 0.96, 128))
        }),
        glow: square(64, &|p| {
            Vec2::new(1.0, (1.0 - p.length_squared()).max(0.0).powi(3))
        }),
        ring: square(128, &|p| {
            Vec2::new(1.0, (-((p.length() - 0.9) / 0.05).powi(2)).exp())
        }),
        platform: square(640, &platform),
    };
    commands.insert_resource(art);
}

/// Returns lightness and alpha of the platform: a disc with an edge, circles and a mark in the center.
fn platform(p: Vec2) -> Vec2 {
    let distance = p.length();
    let line = |at: f32, width: f32| (-((distance - at) / width).powi(2)).exp();
    let circles = 0.1 * (line(0.33, 0.006) + line(0.66, 0.006));
    let edge = 0.75 * line(0.975, 0.012);
    let inner = 0.17 + 0.05 * (1.0 - distance) + 0.015 * p.y;
    let light = inner + circles + edge + 0.1 * line(0.0, 0.03);
    let pixel = 2.0 / (2.0 * Platform::FULL);
    Vec2::new(light.min(1.0), ((1.0 - distance) / pixel).clamp(0.0, 1.0))
}
