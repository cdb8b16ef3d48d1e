//! Writes compressed copies of large files, for servers that can send them.

use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use flate2::{Compression, write::GzEncoder};

/// Writes `FILE.gz` and `FILE.br` next to the file.
pub(crate) fn write_compressed(file: &Path) -> anyhow::Result<()> {
    println!("   compressing {}", name(file));
    gzip(file)
        .and_then(|()| brotli(file))
        .with_context(|| format!("cannot compress {}", file.display()))
}

/// The size of a file in bytes, for each encoding that a browser can download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) raw: u64,
    /// `None` if there is no compressed copy.
    pub(crate) gzip: Option<u64>,
    /// `None` if there is no compressed copy.
    pub(crate) brotli: Option<u64>,
}

impl Sizes {
    /// Reads the sizes of a file and its compressed copies.
    pub(crate) fn of(file: &Path) -> anyhow::Result<Self> {
        let len = |file: &Path| fs::metadata(file).map(|about| about.len());
        Ok(Self {
            raw: len(file)
                .with_context(|| format!("cannot read the size of {}", file.display()))?,
            gzip: len(&sibling(file, "gz")).ok(),
            brotli: len(&sibling(file, "br")).ok(),
        })
    }
}

/// Returns a line such as `hello_bg.wasm: 18.5 MB, gzip 5.0 MB, brotli 3.9 MB`.
pub(crate) fn sizes(file: &Path) -> anyhow::Result<String> {
    let Sizes { raw, gzip, brotli } = Sizes::of(file)?;
    let mut line = format!("{}: {}", name(file), megabytes(raw));
    for (label, len) in [("gzip", gzip), ("brotli", brotli)] {
        if let Some(len) = len {
            line.push_str(&format!(", {label} {}", megabytes(len)));
        }
    }
    Ok(line)
}

fn gzip(file: &Path) -> anyhow::Result<()> {
    let out = BufWriter::new(File::create(sibling(file, "gz"))?);
    let mut encoder = GzEncoder::new(out, Compression::best());
    std::io::copy(&mut File::open(file)?, &mut encoder)?;
    encoder.finish()?.flush()?;
    Ok(())
}

fn brotli(file: &Path) -> anyhow::Result<()> {
    let mut input = BufReader::new(File::open(file)?);
    let mut out = BufWriter::new(File::create(sibling(file, "br"))?);
    let params = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 24,
        size_hint: usize::try_from(fs::metadata(file)?.len())?,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut input, &mut out, &params)?;
    out.flush()?;
    Ok(())
}

fn sibling(file: &Path, extension: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".");
    path.push(extension);
    path.into()
}

fn name(file: &Path) -> String {
    file.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn compressed_copies_contain_the_same_bytes() {
        let folder = std::env::temp_dir().join(format!("xtask-compress-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("some.wasm");
        let bytes = b"huddle ".repeat(10_000);
        fs::write(&file, &bytes).unwrap();
        write_compressed(&file).unwrap();

        let mut unzipped = Vec::new();
        flate2::read::GzDecoder::new(File::open(sibling(&file, "gz")).unwrap())
            .read_to_end(&mut unzipped)
            .unwrap();
        let mut unbrotlied = Vec::new();
        brotli::BrotliDecompress(
            &mut File::open(sibling(&file, "br")).unwrap(),
            &mut unbrotlied,
        )
        .unwrap();
        assert_eq!((unzipped, unbrotlied), (bytes.clone(), bytes));
        assert!(fs::metadata(sibling(&file, "br")).unwrap().len() < 1000);
        assert!(
            sizes(&file)
                .unwrap()
                .starts_with("some.wasm: 0.1 MB, gzip 0.0 MB, brotli")
        );
        fs::remove_dir_all(folder).unwrap();
    }
}
