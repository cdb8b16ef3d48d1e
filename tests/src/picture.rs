//! Decodes, compares and combines screenshots.

use std::{collections::HashSet, fs::File, io::BufWriter, io::Cursor, ops::Range, path::Path};

use anyhow::{Context, ensure};

/// An RGB picture.
pub struct Picture {
    width: usize,
    rgb: Vec<u8>,
}

/// The positions of fields in the header of an X window dump, in words of 32 bits.
mod xwd {
    pub(super) const HEADER_LEN: usize = 0;
    pub(super) const WIDTH: usize = 4;
    pub(super) const HEIGHT: usize = 5;
    pub(super) const BYTE_ORDER: usize = 7;
    pub(super) const BITS_PER_PIXEL: usize = 11;
    pub(super) const ROW_LEN: usize = 12;
    pub(super) const COLORS: usize = 19;
    pub(super) const COLOR_LEN: usize = 12;
}

impl Picture {
    /// Decodes a PNG.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a PNG with colors.
    pub fn from_png(png: &[u8]) -> anyhow::Result<Self> {
        let mut decoder = png::Decoder::new(Cursor::new(png));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info()?;
        let size = reader
            .output_buffer_size()
            .context("the picture is too large")?;
        let mut pixels = vec![0; size];
        let frame = reader.next_frame(&mut pixels)?;
        let samples = frame.color_type.samples();
        ensure!(samples >= 3, "the picture has no colors");
        let rgb = pixels[..frame.buffer_size()]
            .chunks_exact(samples)
            .flat_map(|pixel| &pixel[..3])
            .copied()
            .collect();
        Ok(Self {
            width: usize::try_from(frame.width)?,
            rgb,
        })
    }

    /// Decodes an X window dump with 32 bits per pixel, as Xvfb writes it.
    ///
    /// # Errors
    /// Returns an error if the dump has another format.
    pub fn from_xwd(dump: &[u8]) -> anyhow::Result<Self> {
        let number = |index: usize| {
            let bytes = dump.get(4 * index..4 * index + 4).context("no header")?;
            Ok::<_, anyhow::Error>(u32::from_be_bytes(bytes.try_into()?) as usize)
        };
        ensure!(number(xwd::BITS_PER_PIXEL)? == 32, "not 32 bits per pixel");
        ensure!(number(xwd::BYTE_ORDER)? == 0, "not little-endian");
        let width = number(xwd::WIDTH)?;
        let start = number(xwd::HEADER_LEN)? + xwd::COLOR_LEN * number(xwd::COLORS)?;
        let rows = dump.get(start..).context("no pixels")?;
        let mut rgb = Vec::with_capacity(3 * width * number(xwd::HEIGHT)?);
        for row in rows
            .chunks_exact(number(xwd::ROW_LEN)?)
            .take(number(xwd::HEIGHT)?)
        {
            for pixel in row.chunks_exact(4).take(width) {
                rgb.extend([pixel[2], pixel[1], pixel[0]]);
            }
        }
        Ok(Self { width, rgb })
    }

    /// Returns the number of rows.
    pub fn height(&self) -> usize {
        self.rgb.len() / (3 * self.width)
    }

    /// Returns the number of different colors.
    pub fn distinct_colors(&self) -> usize {
        self.rgb.chunks_exact(3).collect::<HashSet<_>>().len()
    }

    /// Returns the number of pixels in these rows that differ from the first pixel of the picture.
    pub fn drawn(&self, rows: Range<usize>) -> usize {
        let row = 3 * self.width;
        let pixels = self.rgb.get(row * rows.start..row * rows.end);
        let background = &self.rgb[..3];
        pixels.map_or(0, |pixels| {
            pixels
                .chunks_exact(3)
                .filter(|pixel| *pixel != background)
                .count()
        })
    }

    /// Returns the picture at half its size.
    #[must_use]
    pub fn halved(&self) -> Self {
        let width = self.width / 2;
        let mut rgb = Vec::with_capacity(self.rgb.len() / 4);
        for y in 0..self.height() / 2 {
            for x in 0..width {
                for channel in 0..3 {
                    let at = |dx: usize, dy: usize| {
                        let pixel = (2 * y + dy) * self.width + 2 * x + dx;
                        u16::from(self.rgb[3 * pixel + channel])
                    };
                    let sum = at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1);
                    rgb.push((sum / 4) as u8);
                }
            }
        }
        Self { width, rgb }
    }

    /// Returns both pictures side by side, with a gray gap of `gap` pixels.
    ///
    /// # Errors
    /// Returns an error if their heights differ.
    pub fn beside(&self, other: &Self, gap: usize) -> anyhow::Result<Self> {
        ensure!(
            self.height() == other.height(),
            "pictures of different heights"
        );
        let rows = self.rgb.chunks_exact(3 * self.width);
        let others = other.rgb.chunks_exact(3 * other.width);
        let between = vec![96; 3 * gap];
        Ok(Self {
            width: self.width + gap + other.width,
            rgb: rows
                .zip(others)
                .flat_map(|(row, other)| [row, between.as_slice(), other].concat())
                .collect(),
        })
    }

    /// Writes a PNG.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn save(&self, file: &Path) -> anyhow::Result<()> {
        let out = File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
        let size = (u32::try_from(self.width)?, u32::try_from(self.height())?);
        let mut encoder = png::Encoder::new(BufWriter::new(out), size.0, size.1);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.rgb)?;
        Ok(writer.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, rgb: &[u8]) -> Picture {
        Picture {
            width,
            rgb: rgb.to_vec(),
        }
    }

    #[test]
    fn saved_picture_reads_back() {
        let folder = std::env::temp_dir().join(format!("picture-{}", std::process::id()));
        let written = picture(2, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        written.save(&folder).unwrap();
        let read = Picture::from_png(&std::fs::read(&folder).unwrap()).unwrap();
        std::fs::remove_file(&folder).unwrap();
        assert_eq!((read.width, read.rgb), (2, written.rgb));
        assert!(Picture::from_png(b"no picture").is_err());
        assert!(Picture::from_xwd(b"no picture").is_err());
    }

    #[test]
    fn colors_are_counted() {
        let two = picture(3, &[1, 2, 3, 1, 2, 4, 1, 2, 3]);
        assert_eq!(two.distinct_colors(), 2);
    }

    #[test]
    fn drawn_pixels_of_rows_are_counted() {
        let dot = picture(2, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9]);
        assert_eq!(
            (dot.drawn(0..1), dot.drawn(1..2), dot.drawn(0..2)),
            (0, 1, 1)
        );
    }

    #[test]
    fn halved_picture_has_the_mean_of_four_pixels() {
        let half = picture(2, &[0, 0, 0, 4, 4, 4, 8, 8, 8, 12, 12, 12]).halved();
        assert_eq!((half.width, half.rgb), (1, vec![6, 6, 6]));
    }
}
