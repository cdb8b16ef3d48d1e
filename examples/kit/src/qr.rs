//! QR codes, painted into images.

use bevy::asset::RenderAssetUsages;
use bevy::image::ImageSampler;
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, TextureDimension, TextureFormat};
use qrcodegen::{QrCode, QrCodeEcc};

/// The white margin in modules. The standard requires it, so that scanners find the code.
const QUIET_ZONE: i32 = 4;

/// Paints the QR code of a text, with one pixel per module. Returns `None` if the text is too long.
pub(crate) fn paint(text: &str) -> Option<Image> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let modules = -QUIET_ZONE..code.size() + QUIET_ZONE;
    let width = modules.len() as u32;
    let data = modules
        .clone()
        .flat_map(|y| modules.clone().map(move |x| (x, y)))
        .flat_map(|(x, y)| {
            // Modules outside of the code are light.
            let dark = code.get_module(x, y);
            let light = if dark { 0 } else { 255 };
            [light, light, light, 255]
        })
        .collect();
    let mut image = Image::new(
        Extent3d {
            width,
            height: width,
            depth_or_array_layers: 1,
        },
        TextureDimension::D2,
        data,
        TextureFormat::Rgba8UnormSrgb,
        RenderAssetUsages::RENDER_WORLD,
    );
    // Enlarged modules keep their sharp edges.
    image.sampler = ImageSampler::nearest();
    Some(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://play.example/hello/?room=den#secret=123456";
    const DARK: [u8; 4] = [0, 0, 0, 255];
    const LIGHT: [u8; 4] = [255; 4];

    /// Returns the color of a module. The code without its margin starts at (0, 0).
    fn color(image: &Image, x: i32, y: i32) -> [u8; 4] {
        let (column, row) = (x + QUIET_ZONE, y + QUIET_ZONE);
        let at = (row as usize * image.width() as usize + column as usize) * 4;
        image.data.as_ref().unwrap()[at..at + 4].try_into().unwrap()
    }

    #[test]
    fn image_contains_the_modules_of_the_code() {
        let code = QrCode::encode_text(LINK, QrCodeEcc::Medium).unwrap();
        let image = paint(LINK).unwrap();
        let width = (code.size() + 2 * QUIET_ZONE) as u32;
        assert_eq!(image.size(), UVec2::splat(width));
        for y in 0..code.size() {
            for x in 0..code.size() {
                let expected = if code.get_module(x, y) { DARK } else { LIGHT };
                assert_eq!(color(&image, x, y), expected, "module {x}, {y}");
            }
        }
        // The corner of a finder pattern.
        assert_eq!(color(&image, 0, 0), DARK);
        assert_eq!(color(&image, 1, 1), LIGHT);
    }

    #[test]
    fn code_has_a_light_margin() {
        let image = paint(LINK).unwrap();
        let size = image.width() as i32 - 2 * QUIET_ZONE;
        let all = -QUIET_ZONE..size + QUIET_ZONE;
        for x in all.clone() {
            for y in all.clone() {
                if !(0..size).contains(&x) || !(0..size).contains(&y) {
                    assert_eq!(color(&image, x, y), LIGHT, "module {x}, {y}");
                }
            }
        }
    }

    #[test]
    fn text_that_is_too_long_has_no_code() {
        assert!(paint(&"x".repeat(2000)).is_some());
        assert!(paint(&"x".repeat(3000)).is_none());
    }
}
