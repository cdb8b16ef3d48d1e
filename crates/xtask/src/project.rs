use std::path::PathBuf;

use crate::{
    cache::{self, Cache},
    examples::Examples,
};

/// What every command needs: where the sources are, and where outputs go.
pub(crate) struct Project {
    pub(crate) root: PathBuf,
    pub(crate) cache: Cache,
    pub(crate) examples: Examples,
}

impl Project {
    pub(crate) fn open() -> anyhow::Result<Self> {
        let root = cache::workspace_root()?;
        let cache = Cache::open()?;
        cache.claim(&root)?;
        Ok(Self {
            cache,
            examples: Examples::find(&root)?,
            root,
        })
    }
}
