//! Paints images, so that the examples need no files.

use bevy::asset::RenderAssetUsages;
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, TextureDimension, TextureFormat};

/// Returns how much of a pixel is inside a distance field, in an image of this width that spans -1 to 1.
pub fn coverage(distance: f32, width: u32) -> f32 {
    (0.5 - distance * width as f32 / 2.0).clamp(0.0, 1.0)
}

/// Paints a white image. `pixel` receives coordinates from -1 to 1, left to right and bottom to top,
/// and returns lightness and alpha.
pub fn paint(width: u32, height: u32, pixel: &dyn Fn(Vec2) -> Vec2) -> Image {
    paint_color(width, height, &|p| {
        let Vec2 { x: light, y: alpha } = pixel(p);
        Vec4::new(light, light, light, alpha)
    })
}

/// Paints an image. `pixel` returns an sRGB color with alpha, each channel from 0 to 1.
pub fn paint_color(width: u32, height: u32, pixel: &dyn Fn(Vec2) -> Vec4) -> Image {
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
