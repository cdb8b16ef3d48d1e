//! Files of the system that a test replaces.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::Context;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// A file that has another content until this value is dropped.
///
/// Only this process and its children see it, because the lab has its own mount namespace.
pub(crate) struct ReplacedFile {
    replaced: &'static str,
    content: PathBuf,
}

impl ReplacedFile {
    pub(crate) fn new(replaced: &'static str, content: &str) -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("huddle-file-{}-{number}", std::process::id());
        let file = std::env::temp_dir().join(name);
        fs::write(&file, content)?;
        let nothing: Option<&Path> = None;
        mount(Some(&file), replaced, nothing, MsFlags::MS_BIND, nothing)
            .with_context(|| format!("cannot replace {replaced}"))?;
        Ok(Self {
            replaced,
            content: file,
        })
    }
}

impl Drop for ReplacedFile {
    fn drop(&mut self) {
        // An error means that the file is already unmounted or removed.
        let _ = umount2(self.replaced, MntFlags::MNT_DETACH);
        let _ = fs::remove_file(&self.content);
    }
}
