//! Stock matchbox programs for the tests: the workspace `interop` and the published server.

use std::process::Command;

use super::tally::Tally;
use crate::{env, process, project::Project};

/// The published server. It has no library, so it is installed rather than used as a dependency.
const SERVER: [&str; 2] = ["matchbox_server", "0.15.0"];

/// Builds the programs that the scenarios find in `HUDDLE_TEST_INTEROP`, and runs the tests of the shared `numbered`.
pub(super) fn build(project: &Project) -> anyhow::Result<Tally> {
    process::run(workspace(project, "build").arg("--workspace"))?;
    let [name, version] = SERVER;
    process::run(
        cargo(project, "install")
            // The workspace has the same setting, so both share their dependencies.
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .args([name, "--version", version, "--locked", "--debug", "--root"])
            .arg(project.cache.interop()),
    )?;
    Tally::tests(workspace(project, "test").args(["-p", "numbered"]))
}

/// Runs clippy on the workspace.
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
