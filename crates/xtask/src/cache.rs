//! The folders for build outputs. They are outside the clone, so the next clone can reuse them.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::examples::Package;

/// The cache directory and its folders.
pub(crate) struct Cache {
    root: PathBuf,
}

/// The right to build into the cache. While a command has it, no other clone gets it.
pub(crate) struct Lease {
    _lock: File,
}

impl Cache {
    /// Opens `$HUDDLE_CACHE`, or `bevy_huddle` in the user's cache directory.
    pub(crate) fn open() -> anyhow::Result<Self> {
        let root = match std::env::var_os("HUDDLE_CACHE").filter(|dir| !dir.is_empty()) {
            Some(dir) => std::path::absolute(&dir).context("HUDDLE_CACHE is not a usable path")?,
            None => dirs::cache_dir()
                .context("this user has no cache directory; set HUDDLE_CACHE to a folder for build outputs")?
                .join("bevy_huddle"),
        };
        fs::create_dir_all(&root).with_context(|| {
            format!(
                "cannot create {}; set HUDDLE_CACHE to a writable folder",
                root.display()
            )
        })?;
        Ok(Self { root })
    }

    /// Prepares the target directories for the clone at `root`.
    ///
    /// Cargo does not distinguish clones and detects changes by file times. After another clone has built into the same
    /// directories, cargo would reuse its outputs for this one. So this function discards the outputs of the
    /// workspace's own packages when the clone changes. Dependencies stay.
    ///
    /// # Errors
    /// Returns an error while a command of another clone uses the directories.
    pub(crate) fn switch_to(&self, root: &Path) -> anyhow::Result<Lease> {
        let lock = self.root.join("lock");
        let file =
            File::create(&lock).with_context(|| format!("cannot write {}", lock.display()))?;
        let owner = self.root.join("clone");
        let name = root.to_string_lossy();
        loop {
            file.lock_shared()?;
            let last = fs::read_to_string(&owner).unwrap_or_default();
            if last == name {
                return Ok(Lease { _lock: file });
            }
            file.unlock()?;
            match file.try_lock() {
                Ok(()) => self.discard_outputs(root, &owner, &name)?,
                Err(TryLockError::WouldBlock) => bail!(
                    "another clone, {last}, is using {}. Wait until its command has ended, or set HUDDLE_CACHE to \
                     another folder",
                    self.root.display()
                ),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            file.unlock()?;
        }
    }

    fn discard_outputs(&self, root: &Path, owner: &Path, name: &str) -> anyhow::Result<()> {
        let members = members(root)?;
        for target in [
            self.native(),
            self.web(),
            self.interop(),
            self.fuzz_builds(),
            self.fuzz_coverage(),
            self.versus(),
            self.cubes(),
            self.replication(),
            self.world(),
            self.transport(),
        ] {
            discard(&target, &members)?;
        }
        fs::write(owner, name.as_bytes())
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

    /// The pages built with a profile.
    pub(crate) fn site(&self, profile: &str) -> PathBuf {
        self.root.join("site").join(profile)
    }

    /// Records which wasm file each page of a profile was built from.
    pub(crate) fn stamps(&self, profile: &str) -> PathBuf {
        self.root.join("stamps").join(profile)
    }

    /// Inputs, failures and logs of the fuzz targets.
    pub(crate) fn fuzz(&self) -> PathBuf {
        self.root.join("fuzz")
    }

    /// The target directory of fuzz targets.
    pub(crate) fn fuzz_builds(&self) -> PathBuf {
        self.fuzz().join("build")
    }

    /// The target directory of fuzz targets with coverage instrumentation.
    pub(crate) fn fuzz_coverage(&self) -> PathBuf {
        self.fuzz().join("coverage")
    }

    /// The target directory of the stock matchbox programs. Published programs are also installed
    /// there.
    pub(crate) fn interop(&self) -> PathBuf {
        self.root.join("interop")
    }

    /// Programs that the commands have installed, each in its own folder.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("tools")
    }

    /// The target directory in which the packages of the published crates are created.
    pub(crate) fn packages(&self) -> PathBuf {
        self.root.join("packages")
    }

    /// Crates outside the workspace.
    pub(crate) fn outside(&self) -> PathBuf {
        self.root.join("outside")
    }

    /// Pages that the benchmarks measure.
    pub(crate) fn bench(&self) -> PathBuf {
        self.root.join("bench")
    }

    /// The target directory of the benchmarks against other rollback libraries.
    pub(crate) fn versus(&self) -> PathBuf {
        self.root.join("versus")
    }

    /// The target directory of the benchmark of the snapshot coding.
    pub(crate) fn cubes(&self) -> PathBuf {
        self.root.join("cubes")
    }

    /// The target directory of the benchmark of replicated entities.
    pub(crate) fn replication(&self) -> PathBuf {
        self.root.join("replication")
    }

    /// The target directory of the benchmark of the world store.
    pub(crate) fn world(&self) -> PathBuf {
        self.root.join("world")
    }

    /// The target directory of the benchmark of the transport.
    pub(crate) fn transport(&self) -> PathBuf {
        self.root.join("transport")
    }

    /// Screenshots taken by the tests.
    pub(crate) fn screenshots(&self) -> PathBuf {
        self.root.join("screenshots")
    }
}

/// Returns the names of the repository's packages.
fn members(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut folders = vec![root.join("tests"), root.join("fuzz"), root.join("interop")];
    for parent in [
        "benches",
        "benches/transport",
        "benches/versus",
        "crates",
        "examples",
        "fuzz",
        "interop",
        "tests",
    ] {
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

/// Removes cargo's fingerprints of `members` from a target directory, so that cargo builds them again.
fn discard(target: &Path, members: &[String]) -> anyhow::Result<()> {
    let mut folders = vec![(target.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_name() == ".fingerprint" {
                for fingerprint in fs::read_dir(&path).into_iter().flatten().flatten() {
                    let name = fingerprint.file_name();
                    let package = name.to_str().and_then(|name| name.rsplit_once('-'));
                    if package.is_some_and(|(package, _)| members.iter().any(|m| m == package)) {
                        fs::remove_dir_all(fingerprint.path()).with_context(|| {
                            format!("cannot remove {}", fingerprint.path().display())
                        })?;
                    }
                }
            } else if depth < 2 && path.is_dir() {
                folders.push((path, depth + 1));
            }
        }
    }
    Ok(())
}

/// Returns the folder of the workspace's `Cargo.toml`.
pub(crate) fn workspace_root() -> anyhow::Result<PathBuf> {
    // `cargo run` sets this to the current place of a clone that was moved after xtask was compiled.
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .context("xtask is not inside the workspace; run it as `cargo xtask`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switching_clones_discards_only_the_workspace_packages() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache {
            root: folder.path().to_path_buf(),
        };
        let fingerprints = cache.web().join("wasm32-unknown-unknown/web/.fingerprint");
        let ours = fingerprints.join("huddle_mesh-0123");
        let theirs = fingerprints.join("serde-0123");
        let make = || [&ours, &theirs].map(|dir| fs::create_dir_all(dir).unwrap());
        let root = workspace_root().unwrap();

        make();
        drop(cache.switch_to(&root).unwrap());
        assert!(!ours.exists() && theirs.exists());

        make();
        drop(cache.switch_to(&root).unwrap());
        assert!(ours.exists(), "the same clone keeps its outputs");
    }

    #[test]
    fn only_commands_of_one_clone_use_the_cache_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache {
            root: folder.path().to_path_buf(),
        };
        let root = workspace_root().unwrap();
        fs::write(folder.path().join("clone"), "/the/other/clone").unwrap();
        let first = cache.switch_to(&root).unwrap();
        let second = cache.switch_to(&root).unwrap();

        // Another clone becomes the owner.
        fs::write(folder.path().join("clone"), "/the/other/clone").unwrap();
        let error = cache.switch_to(&root).map(drop).unwrap_err().to_string();
        assert!(error.contains("/the/other/clone"), "{error}");
        assert!(error.contains("HUDDLE_CACHE"), "{error}");

        drop((first, second));
        cache.switch_to(&root).unwrap();
    }
}
