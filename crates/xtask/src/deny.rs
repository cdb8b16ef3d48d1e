//! `cargo xtask deny`: checks the licenses, versions, sources and known vulnerabilities of all dependencies.

use std::{path::PathBuf, process::ExitCode};

use crate::{cargo_install, env, process, project::Project};

/// The version that is installed if there is none.
const CARGO_DENY: &str = "0.20.2";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Skip the known vulnerabilities, whose list is downloaded on each run
    #[arg(long)]
    offline: bool,
}

pub(crate) fn run(project: &Project, options: &Options) -> anyhow::Result<ExitCode> {
    let mut deny = env::command(cargo_deny(project)?);
    deny.current_dir(&project.root);
    if options.offline {
        deny.arg("--offline");
    }
    deny.args(["check", "bans", "licenses", "sources"]);
    if !options.offline {
        deny.arg("advisories");
    }
    process::run(&mut deny).map(|()| ExitCode::SUCCESS)
}

/// Returns the path of cargo-deny. Installs it if it is missing.
fn cargo_deny(project: &Project) -> anyhow::Result<PathBuf> {
    match env::find_program("cargo-deny") {
        Some(program) => Ok(program),
        None => cargo_install::program(project, "cargo-deny", CARGO_DENY, "check the dependencies"),
    }
}
