//! Builds and runs `benches/transport`.

use std::{fs, path::Path, process::Command};

use anyhow::Context;

use crate::{env, process, project::Project};

/// The manifest of the benchmark's workspace.
const MANIFEST: &str = "benches/transport/Cargo.toml";

/// The packages of the workspace. Cargo unifies the features of packages that it builds together, so each program is
/// built separately. Otherwise, each library would get the other one's runtime, too.
const PACKAGES: [&str; 3] = [
    "transport_huddle",
    "transport_matchbox",
    "huddle_transport_bench",
];

/// Measures both libraries, and writes the figures of all runs to a file.
pub(super) fn measure(project: &Project, quick: bool) -> anyhow::Result<()> {
    let target = project.cache.transport();
    process::run(build(project, &project.cache.native()).args(["-p", "huddle_signaling"]))?;
    for package in PACKAGES {
        let mut build = build(project, &target);
        process::run(build.args(["--locked", "--manifest-path", MANIFEST, "-p", package]))?;
    }
    let results = project.cache.bench();
    fs::create_dir_all(&results).with_context(|| format!("cannot create {}", results.display()))?;
    let programs = target.join("release");
    let mut bench = env::command(programs.join("huddle_transport_bench"));
    bench
        .arg("--server")
        .arg(project.cache.native().join("release/huddle-signaling"))
        .arg("--peers")
        .arg(&programs)
        .arg("--json")
        .arg(results.join("transport.json"));
    if quick {
        bench.arg("--quick");
    }
    process::run(&mut bench)
}

fn build(project: &Project, target: &Path) -> Command {
    let mut command = env::command("cargo");
    command
        .current_dir(&project.root)
        .args(["build", "--release", "--target-dir"])
        .arg(target);
    command
}
