//! Looking at screenshots.

use std::{collections::HashSet, io::Cursor};

use anyhow::Context;

/// How many different colours a PNG has.
///
/// # Errors
/// If it is no PNG.
pub fn distinct_colours(png: &[u8]) -> anyhow::Result<usize> {
    let mut decoder = png::Decoder::new(Cursor::new(png));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let size = reader
        .output_buffer_size()
        .context("the picture is too large")?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels)?;
    let samples = frame.color_type.samples();
    let colours: HashSet<&[u8]> = pixels[..frame.buffer_size()]
        .chunks_exact(samples)
        .collect();
    Ok(colours.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(pixels: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, u32::try_from(pixels.len() / 3).unwrap(), 1);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(pixels).unwrap();
        writer.finish().unwrap();
        out
    }

    #[test]
    fn colours_are_counted() {
        assert_eq!(distinct_colours(&png(&[7; 30])).unwrap(), 1);
        assert_eq!(
            distinct_colours(&png(&[1, 2, 3, 1, 2, 4, 1, 2, 3])).unwrap(),
            2
        );
        assert!(distinct_colours(b"no picture").is_err());
    }
}
