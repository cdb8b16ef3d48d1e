//! Stock matchbox programs, with which the tests meet: a workspace of its own, and the published server.

use std::process::Command;

use super::tally::Tally;
use crate::{env, process, project::Project};

/// A program without a library, so that it can only be installed.
const SERVER: [&str; 2] = ["matchbox_server", "0.15.0"];

/// Builds what the scenarios find in `HUDDLE_TEST_INTEROP`, and tests what both sides count with.
pub(super) fn build(project: &Project) -> anyhow::Result<Tally> {
    process::run(workspace(project, "build").arg("--workspace"))?;
    let [name, version] = SERVER;
    process::run(
        cargo(project, "install")
            // As in the workspace, so that both share what they have in common.
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .args([name, "--version", version, "--locked", "--debug", "--root"])
            .arg(project.cache.interop()),
    )?;
    Tally::tests(workspace(project, "test").args(["-p", "numbered"]))
}

/// Lints the workspace.
pub(super) fn lint(project: &Project) -> anyhow::Result<()> {
    process::run(
        workspace(project, "clippy")
            .args(["--workspace", "--all-targets"])
            .args(["--", "-D", "warnings"]),
    )
}

fn workspace(project: &Project, subcommand: &str) -> Command {
    let mut command = cargo(project, subcommand);
    command.args(["--locked", "--manifest-path", "interop/Cargo.toml"]);
    command
}

fn cargo(project: &Project, subcommand: &str) -> Command {
    let mut command = env::command("cargo");
    command
        .current_dir(&project.root)
        .args([subcommand, "--target-dir"])
        .arg(project.cache.interop());
    command
}
