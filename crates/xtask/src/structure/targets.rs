//! Finds the crates of the repository and the root files of their targets.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::Deserialize;

/// The maximum depth of a package below the repository's root.
const MAX_DEPTH: u32 = 3;

/// A package of the repository.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    /// The root files of its library, programs, examples, benches and tests.
    pub(super) targets: BTreeSet<PathBuf>,
}

#[derive(Deserialize)]
struct Manifest {
    package: Option<Named>,
    lib: Option<Target>,
    #[serde(default)]
    bin: Vec<Target>,
    #[serde(default)]
    example: Vec<Target>,
    #[serde(default)]
    bench: Vec<Target>,
    #[serde(default)]
    test: Vec<Target>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Target {
    path: Option<PathBuf>,
}

/// Every package below `root`, by name.
pub(super) fn packages(root: &Path) -> anyhow::Result<Vec<Package>> {
    let mut found = Vec::new();
    search(root, 0, &mut found)?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn search(folder: &Path, depth: u32, found: &mut Vec<Package>) -> anyhow::Result<()> {
    found.extend(package(folder)?);
    if depth == MAX_DEPTH {
        return Ok(());
    }
    for path in list(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Nothing below these belongs to the sources.
        let is_skipped = name.starts_with('.') || matches!(&*name, "target" | "src");
        if path.is_dir() && !is_skipped {
            search(&path, depth + 1, found)?;
        }
    }
    Ok(())
}

fn package(folder: &Path) -> anyhow::Result<Option<Package>> {
    let path = folder.join("Cargo.toml");
    if !path.is_file() {
        return Ok(None);
    }
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest: Manifest =
        toml::from_str(&text).with_context(|| format!("cannot read {}", path.display()))?;
    let Some(Named { name }) = manifest.package else {
        return Ok(None);
    };
    let named = [
        manifest.bin,
        manifest.example,
        manifest.bench,
        manifest.test,
    ];
    let mut targets: BTreeSet<PathBuf> = named
        .into_iter()
        .flatten()
        .chain(manifest.lib)
        .filter_map(|target| Some(folder.join(target.path?)))
        .collect();
    for file in ["src/lib.rs", "src/main.rs"] {
        targets.insert(folder.join(file));
    }
    for below in ["src/bin", "examples", "benches", "tests"] {
        for path in list(&folder.join(below))? {
            if path.extension().is_some_and(|extension| extension == "rs") {
                targets.insert(path);
            } else {
                targets.insert(path.join("main.rs"));
            }
        }
    }
    targets.retain(|target| target.is_file());
    Ok(Some(Package { name, targets }))
}

/// The entries of a folder; none if there is no such folder.
fn list(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .with_context(|| format!("cannot list {}", folder.display()))
}
