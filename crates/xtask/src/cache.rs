//! Where outputs go: outside the clone, so that the next clone starts warm.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::examples::Package;

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

    /// Makes the outputs those of the clone at `root`.
    ///
    /// Cargo tells clones apart by nothing and changes by file times, so after another clone has
    /// built here, its newer outputs would pass for ours. What is built of the workspace's own
    /// packages is forgotten then; dependencies stay.
    pub(crate) fn claim(&self, root: &Path) -> anyhow::Result<()> {
        let owner = self.root.join("clone");
        let name = root.to_string_lossy();
        if fs::read_to_string(&owner).is_ok_and(|last| last == name) {
            return Ok(());
        }
        let members = members(root)?;
        for target in [
            self.native(),
            self.web(),
            self.interop(),
            self.fuzz_builds(),
            self.fuzz_coverage(),
            self.versus(),
        ] {
            forget(&target, &members)?;
        }
        fs::write(&owner, name.as_bytes())
            .with_context(|| format!("cannot write {}", owner.display()))
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

    /// What fuzzing finds: inputs, failures, logs.
    pub(crate) fn fuzz(&self) -> PathBuf {
        self.root.join("fuzz")
    }

    /// The target directory of fuzz targets.
    pub(crate) fn fuzz_builds(&self) -> PathBuf {
        self.fuzz().join("build")
    }

    /// The target directory of fuzz targets that count the lines they reach.
    pub(crate) fn fuzz_coverage(&self) -> PathBuf {
        self.fuzz().join("coverage")
    }

    /// The target directory of stock programs, and where the published ones are installed.
    pub(crate) fn interop(&self) -> PathBuf {
        self.root.join("interop")
    }

    /// Programs that were installed for the project's commands, each in a folder of its own.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("tools")
    }

    /// Pages that are only built to be measured.
    pub(crate) fn bench(&self) -> PathBuf {
        self.root.join("bench")
    }

    /// The target directory of other rollback libraries and what is measured beside them.
    pub(crate) fn versus(&self) -> PathBuf {
        self.root.join("versus")
    }

    /// Screenshots taken by the tests.
    pub(crate) fn screenshots(&self) -> PathBuf {
        self.root.join("screenshots")
    }
}

/// The names of the workspace's packages.
fn members(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut folders = vec![root.join("tests"), root.join("fuzz"), root.join("interop")];
    for parent in ["benches", "crates", "examples", "fuzz", "interop", "tests"] {
        let parent = root.join(parent);
        let entries =
            fs::read_dir(&parent).with_context(|| format!("cannot list {}", parent.display()))?;
        folders.extend(entries.flatten().map(|entry| entry.path()));
    }
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    folders
        .iter()
        .map(|folder| Ok(Package::read(folder)?.name))
        .collect()
}

/// Removes cargo's notes, at most three folders down, of what it has built of `members`.
fn forget(target: &Path, members: &[String]) -> anyhow::Result<()> {
    let mut folders = vec![(target.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_name() == ".fingerprint" {
                for note in fs::read_dir(&path).into_iter().flatten().flatten() {
                    let name = note.file_name();
                    let package = name.to_str().and_then(|name| name.rsplit_once('-'));
                    if package.is_some_and(|(package, _)| members.iter().any(|m| m == package)) {
                        fs::remove_dir_all(note.path())
                            .with_context(|| format!("cannot remove {}", note.path().display()))?;
                    }
                }
            } else if depth < 2 && path.is_dir() {
                folders.push((path, depth + 1));
            }
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_clone_forgets_what_was_built_of_the_workspace_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache {
            root: folder.path().to_path_buf(),
        };
        let notes = cache.web().join("wasm32-unknown-unknown/web/.fingerprint");
        let ours = notes.join("huddle_mesh-0123");
        let theirs = notes.join("serde-0123");
        let make = || [&ours, &theirs].map(|dir| fs::create_dir_all(dir).unwrap());
        let root = workspace_root().unwrap();

        make();
        cache.claim(&root).unwrap();
        assert!(!ours.exists() && theirs.exists());

        make();
        cache.claim(&root).unwrap();
        assert!(ours.exists(), "the same clone goes on");
    }
}
