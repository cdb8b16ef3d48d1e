//! The inputs of a fuzz target.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::project::Project;

/// The folders with the inputs of a target.
pub(super) struct Corpus {
    /// The inputs in the repository: a small set that covers all code known to be reachable.
    pub(super) kept: PathBuf,
    /// The inputs on this machine: every input that covered new code.
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
    /// Whether libFuzzer generated the input. It names inputs by their SHA-1.
    pub(super) is_generated: bool,
}

/// Returns the files of a folder, sorted by size.
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
            is_generated: name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()),
            name,
        });
    }
    inputs.sort_by(|a, b| (a.len, &a.name).cmp(&(b.len, &b.name)));
    Ok(inputs)
}
