use std::{collections::BTreeMap, io::Read};

use anyhow::Context;
use flate2::read::GzDecoder;

/// The files of a `.crate` file.
pub(super) struct Archive {
    /// The contents by path. Paths are relative to the package and contain `/` on every platform.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

impl Archive {
    pub(super) fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        let mut files = BTreeMap::new();
        let mut archive = tar::Archive::new(GzDecoder::new(bytes));
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = String::from_utf8(entry.path_bytes().into_owned())?;
            let (_package, path) = path
                .split_once('/')
                .with_context(|| format!("{path} is not in the folder of the package"))?;
            let path = path.to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            files.insert(path, content);
        }
        Ok(Self { files })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    #[test]
    fn paths_are_relative_to_the_package() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        tar.append_data(&mut header, "game-0.1.0/src/lib.rs", &b"fn a"[..])
            .unwrap();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&tar.into_inner().unwrap()).unwrap();
        let archive = Archive::read(&gzip.finish().unwrap()).unwrap();
        assert_eq!(archive.files["src/lib.rs"], b"fn a");
    }
}
