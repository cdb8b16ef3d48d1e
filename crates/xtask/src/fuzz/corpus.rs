//! The inputs of a target.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::project::Project;

/// Where a target's inputs are.
pub(super) struct Corpus {
    /// In the repository: few, and together they reach what is known to be reachable.
    pub(super) kept: PathBuf,
    /// On this machine: whatever reached something new.
    pub(super) found: PathBuf,
}

impl Corpus {
    pub(super) fn open(project: &Project, target: &str) -> anyhow::Result<Self> {
        let corpus = Self {
            kept: project.root.join("fuzz/corpus").join(target),
            found: project.cache.fuzz().join("found").join(target),
        };
        for folder in [&corpus.kept, &corpus.found] {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
        Ok(corpus)
    }
}

/// A file of a corpus.
pub(super) struct Input {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) len: u64,
    /// Named by libFuzzer, which takes the SHA-1 of the content.
    pub(super) found: bool,
}

/// The files of a folder, the smallest first.
pub(super) fn inputs(folder: &Path) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        inputs.push(Input {
            path: entry.path(),
            len: entry.metadata()?.len(),
            found: name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()),
            name,
        });
    }
    inputs.sort_by(|a, b| (a.len, &a.name).cmp(&(b.len, &b.name)));
    Ok(inputs)
}
