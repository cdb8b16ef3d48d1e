//! Where outputs go: outside the clone, so that the next clone starts warm.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

/// The folders under the cache directory.
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `$HUDDLE_CACHE`, or `bevy_huddle` in the user's cache directory.
    pub(crate) fn open() -> anyhow::Result<Self> {
        let root = match std::env::var_os("HUDDLE_CACHE").filter(|dir| !dir.is_empty()) {
            Some(dir) => std::path::absolute(&dir).context("HUDDLE_CACHE is not a usable path")?,
            None => dirs::cache_dir()
                .context("no cache directory is known for this user: set HUDDLE_CACHE to a folder for build outputs")?
                .join("bevy_huddle"),
        };
        fs::create_dir_all(&root).with_context(|| {
            format!(
                "cannot create {}: set HUDDLE_CACHE to a writable folder",
                root.display()
            )
        })?;
        Ok(Self { root })
    }

    /// The target directory of native builds.
    pub(crate) fn native(&self) -> PathBuf {
        self.root.join("native")
    }

    /// The target directory of wasm builds.
    pub(crate) fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// The pages of one flavour, ready to be served.
    pub(crate) fn site(&self, flavour: &str) -> PathBuf {
        self.root.join("site").join(flavour)
    }

    /// What the pages of one flavour were made from.
    pub(crate) fn stamps(&self, flavour: &str) -> PathBuf {
        self.root.join("stamps").join(flavour)
    }

    /// Screenshots taken by the tests.
    pub(crate) fn screenshots(&self) -> PathBuf {
        self.root.join("screenshots")
    }
}

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn workspace_root() -> anyhow::Result<PathBuf> {
    // Set by `cargo run`, so a moved clone is found where it is now, not where it was compiled.
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .context("xtask is not inside the workspace: run it as `cargo xtask`")
}
