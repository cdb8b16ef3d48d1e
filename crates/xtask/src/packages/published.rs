use std::{fs, path::Path};

use anyhow::Context;
use serde::{Deserialize, de::DeserializeOwned};

/// The published crates of the workspace, which share one version.
pub(super) struct Published {
    /// The names of the crates, sorted.
    pub(super) names: Vec<String>,
    version: String,
}

#[derive(Deserialize)]
struct Root {
    workspace: Workspace,
}

#[derive(Deserialize)]
struct Workspace {
    package: Shared,
}

#[derive(Deserialize)]
struct Shared {
    version: String,
}

#[derive(Deserialize)]
struct Member {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    #[serde(default = "default_publish")]
    publish: bool,
}

fn default_publish() -> bool {
    true
}

impl Published {
    /// Finds the crates in `crates` whose manifest does not contain `publish = false`.
    pub(super) fn find(root: &Path) -> anyhow::Result<Self> {
        let folder = root.join("crates");
        let mut names = Vec::new();
        for entry in
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let manifest = entry?.path().join("Cargo.toml");
            if !manifest.is_file() {
                continue;
            }
            let Package { name, publish } = read::<Member>(&manifest)?.package;
            if publish {
                names.push(name);
            }
        }
        names.sort();
        Ok(Self {
            names,
            version: read::<Root>(&root.join("Cargo.toml"))?
                .workspace
                .package
                .version,
        })
    }

    /// Returns the name of the file that `cargo package` creates.
    pub(super) fn file_name(&self, name: &str) -> String {
        format!("{name}-{}.crate", self.version)
    }
}

fn read<T: DeserializeOwned>(manifest: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(manifest)
        .with_context(|| format!("cannot read {}", manifest.display()))?;
    toml::from_str(&text).with_context(|| format!("cannot read {}", manifest.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache;

    #[test]
    fn unpublished_crates_are_left_out() {
        let published = Published::find(&cache::workspace_root().unwrap()).unwrap();
        let has = |name: &str| published.names.iter().any(|found| found == name);
        assert!(has("bevy_huddle") && has("huddle_signaling"));
        assert!(!has("huddle_sim") && !has("xtask"));
    }
}
