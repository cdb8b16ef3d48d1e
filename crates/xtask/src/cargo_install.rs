//! Builds missing programs that are published as crates.

use std::{env::consts::EXE_SUFFIX, path::PathBuf};

use crate::{env, process, project::Project};

/// Returns the path of a program in the cache, and builds it first if it is missing. `why` completes a sentence such as
/// "Building cargo-fuzz to build the fuzz targets".
pub(crate) fn program(
    project: &Project,
    name: &str,
    version: &str,
    why: &str,
) -> anyhow::Result<PathBuf> {
    let root = project.cache.tools().join(format!("{name}-{version}"));
    let program = root.join("bin").join(format!("{name}{EXE_SUFFIX}"));
    if !program.is_file() {
        println!("Building {name} {version} to {why}");
        let mut cargo = env::command("cargo");
        cargo
            .current_dir(&project.root)
            // A debug build is faster to compile, and speed does not matter here.
            .args(["install", name, "--locked", "--debug"])
            .args(["--version", version, "--root"])
            .arg(&root);
        process::run(&mut cargo)?;
    }
    Ok(program)
}
