//! Builds a crate outside the workspace from the README alone, like a reader who copies its first
//! game.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use crate::{
    bundle::{self, WebProfile},
    env, process,
    project::Project,
    readme::Readme,
    toolchain::WasmToolchain,
};

/// The name in the README's `Cargo.toml`.
const NAME: &str = "my-game";

/// The README's dependency on a clone beside the game.
const DEPENDENCY: &str = "bevy_huddle = { path = \"../bevy_huddle/crates/bevy_huddle\" }\n";

/// Writes the crate and builds it. Its dependencies are shared with all other native builds.
pub(crate) fn build(project: &Project) -> anyhow::Result<()> {
    let folder = create(project)?;
    let mut cargo = env::command("cargo");
    cargo
        .current_dir(&folder)
        .args(["build", "--target-dir"])
        .arg(project.cache.native());
    process::run(profile(&mut cargo, &project.root, "dev")?)
}

/// Writes the crate and builds its page. Its dependencies are shared with all other pages.
pub(crate) fn build_page(project: &Project) -> anyhow::Result<()> {
    let folder = create(project)?;
    let web = WebProfile::Web;
    let toolchain = WasmToolchain::find(project)?;
    let mut cargo = toolchain.cargo(project, "build");
    cargo
        .args(["--profile", web.name(), "--manifest-path"])
        .arg(folder.join("Cargo.toml"));
    process::run(profile(&mut cargo, &project.root, web.name())?)?;
    let pages = project.cache.site(web.name()).join(NAME);
    fs::create_dir_all(&pages)?;
    fs::copy(folder.join("web/index.html"), pages.join("index.html"))?;
    bundle::bind(project, NAME, web, &pages).map(drop)
}

fn create(project: &Project) -> anyhow::Result<PathBuf> {
    let readme = Readme::read(&project.root)?;
    let folder = project.cache.outside().join(NAME);
    for file in ["src", "web"] {
        fs::create_dir_all(folder.join(file))?;
    }
    let plugin = project.root.join("crates/bevy_huddle");
    fs::write(
        folder.join("Cargo.toml"),
        with_path(&readme.manifest, &plugin)?,
    )?;
    write_changed(&folder.join("src/main.rs"), &readme.game)?;
    fs::write(folder.join("web/index.html"), readme.page)?;
    // The versions that everything else is built with.
    fs::copy(project.root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    Ok(folder)
}

/// Writes a file unless it already has this content. Cargo recompiles files with a newer time.
fn write_changed(file: &Path, text: &str) -> anyhow::Result<()> {
    if fs::read_to_string(file).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn with_path(manifest: &str, plugin: &Path) -> anyhow::Result<String> {
    if !manifest.contains(DEPENDENCY) {
        bail!(
            "the README's Cargo.toml does not contain {:?}",
            DEPENDENCY.trim()
        );
    }
    let local = format!("bevy_huddle = {{ path = {:?} }}\n", plugin.display());
    // An empty table makes the crate a workspace of its own, wherever its folder is.
    Ok(manifest.replacen(DEPENDENCY, &local, 1) + "\n[workspace]\n")
}

/// Adds this workspace's settings of a profile, so that dependencies are the same.
fn profile<'a>(
    command: &'a mut Command,
    root: &Path,
    name: &str,
) -> anyhow::Result<&'a mut Command> {
    let path = root.join("Cargo.toml");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest: toml::Table =
        toml::from_str(&text).with_context(|| format!("cannot read {}", path.display()))?;
    let settings = manifest
        .get("profile")
        .and_then(|profiles| profiles.get(name))
        .and_then(toml::Value::as_table)
        .with_context(|| format!("{} has no profile {name}", path.display()))?;
    for (key, value) in settings {
        let value = match value {
            toml::Value::String(text) => format!("{text:?}"),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            // Settings for single packages make those packages faster, and build them again.
            _ => continue,
        };
        command.arg("--config");
        command.arg(format!("profile.{name}.{key}={value}"));
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache;

    #[test]
    fn dependency_of_the_readme_becomes_a_path() {
        let root = cache::workspace_root().unwrap();
        let manifest = Readme::read(&root).unwrap().manifest;
        let local = with_path(&manifest, Path::new("/clone/plugin")).unwrap();
        assert!(local.contains("bevy_huddle = { path = \"/clone/plugin\" }"));
        assert!(!local.contains(DEPENDENCY));
        let parsed: toml::Table = toml::from_str(&local).unwrap();
        assert_eq!(parsed["package"]["name"].as_str(), Some(NAME));
    }

    #[test]
    fn profile_of_the_workspace_is_passed_on() {
        let mut command = Command::new("cargo");
        let root = cache::workspace_root().unwrap();
        profile(&mut command, &root, "web").unwrap();
        let args: Vec<_> = command.get_args().filter_map(|arg| arg.to_str()).collect();
        assert!(
            args.contains(&"profile.web.inherits=\"release\""),
            "{args:?}"
        );
        assert!(args.contains(&"profile.web.incremental=true"), "{args:?}");
    }
}
