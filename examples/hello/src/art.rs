//! Images that the game paints at startup. They are white, so that a sprite can have any color.

use bevy::asset::RenderAssetUsages;
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, TextureDimension, TextureFormat};

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

/// Returns how much of a pixel is inside a distance field, in an image of this width that spans -1 to 1.
fn coverage(distance: f32, width: u32) -> f32 {
    (0.5 - distance * width as f32 / 2.0).clamp(0.0, 1.0)
}

/// Paints a white image. `pixel` receives coordinates from -1 to 1, left to right and bottom to top,
/// and returns lightness and alpha.
fn paint(width: u32, height: u32, pixel: &dyn Fn(Vec2) -> Vec2) -> Image {
    paint_color(width, height, &|p| {
        let Vec2 { x: light, y: alpha } = pixel(p);
        Vec4::new(light, light, light, alpha)
    })
}

/// Paints an image. `pixel` returns an sRGB color with alpha, each channel from 0 to 1.
pub(crate) fn paint_color(width: u32, height: u32, pixel: &dyn Fn(Vec2) -> Vec4) -> Image {
    let size = Vec2::new(width as f32, height as f32);
    let data = (0..height)
        .flat_map(|row| (0..width).map(move |column| UVec2::new(column, row)))
        .flat_map(|at| {
            let p = (at.as_vec2() + 0.5) / size * 2.0 - 1.0;
            let color = pixel(Vec2::new(p.x, -p.y)).clamp(Vec4::ZERO, Vec4::ONE) * 255.0;
            color.round().to_array().map(|channel| channel as u8)
        })
        .collect();
    Image::new(
        Extent3d {
            width,
            height,
            depth_or_array_layers: 1,
        },
        TextureDimension::D2,
        data,
        TextureFormat::Rgba8UnormSrgb,
        RenderAssetUsages::RENDER_WORLD,
    )
}
