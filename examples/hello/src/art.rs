//! Images that the game paints at startup. They are white, so that a sprite can have any color.

use bevy::prelude::*;
use example_kit::{coverage, paint};

use crate::art::outline::OUTLINES;

pub(crate) mod outline;

/// The images.
#[derive(Resource)]
pub(crate) struct Art {
    /// A soft round light.
    pub(crate) glow: Handle<Image>,
    /// A sharp disc.
    pub(crate) disc: Handle<Image>,
    /// A soft ring near the image's edge.
    pub(crate) ring: Handle<Image>,
    /// A soft horizontal line with soft ends.
    pub(crate) beam: Handle<Image>,
    /// The players' shapes.
    pub(crate) shapes: Vec<Handle<Image>>,
}

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(PreStartup, paint_all);
}

fn paint_all(mut images: ResMut<Assets<Image>>, mut commands: Commands) {
    let mut paint =
        |width, height, pixel: &dyn Fn(Vec2) -> Vec2| images.add(paint(width, height, pixel));
    let art = Art {
        glow: paint(64, 64, &|p| {
            Vec2::new(1.0, (1.0 - p.length_squared()).max(0.0).powi(3))
        }),
        disc: paint(64, 64, &|p| Vec2::new(1.0, coverage(p.length() - 0.94, 64))),
        ring: paint(256, 256, &|p| {
            let away = p.length() - 0.9;
            let trail = if away < 0.0 {
                0.22 * (away * 8.0).exp()
            } else {
                0.0
            };
            Vec2::new(1.0, (-(away / 0.026).powi(2)).exp().max(trail))
        }),
        beam: paint(128, 16, &|p| {
            let along = (1.0 - p.x * p.x).max(0.0);
            Vec2::new(1.0, along * (-(p.y * 3.0).powi(2)).exp())
        }),
        shapes: OUTLINES
            .iter()
            .map(|outline| {
                paint(160, 160, &|p| {
                    let distance = outline(p);
                    // Light from above, and a brighter rim.
                    let light = 0.86 + 0.1 * p.y + 0.1 * (distance * 7.0).exp().min(1.0);
                    Vec2::new(light.clamp(0.0, 1.0), coverage(distance, 160))
                })
            })
            .collect(),
    };
    commands.insert_resource(art);
}
