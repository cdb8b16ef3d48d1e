use std::path::PathBuf;

use crate::{
    cache::{self, Cache, Lease},
    examples::Examples,
};

/// The workspace and its build outputs. Every command gets one.
pub(crate) struct Project {
    pub(crate) root: PathBuf,
    pub(crate) cache: Cache,
    pub(crate) examples: Examples,
    _lease: Lease,
}

impl Project {
    pub(crate) fn open() -> anyhow::Result<Self> {
        let root = cache::workspace_root()?;
        let cache = Cache::open()?;
        Ok(Self {
            _lease: cache.switch_to(&root)?,
            cache,
            examples: Examples::find(&root)?,
            root,
        })
    }
}
