//! `cargo xtask sim`: runs `benches/sim` in release mode.

use std::process::ExitCode;

use anyhow::Context;

use crate::{env, process, project::Project};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Arguments of the simulation: see `cargo xtask sim --help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(project: &Project, options: &Options) -> anyhow::Result<ExitCode> {
    let target = project.cache.native();
    process::run(
        env::command("cargo")
            .current_dir(&project.root)
            .args([
                "build",
                "--release",
                "--quiet",
                "-p",
                "huddle_sim_cli",
                "--target-dir",
            ])
            .arg(&target),
    )?;
    let program = target.join(format!(
        "release/huddle_sim_cli{}",
        std::env::consts::EXE_SUFFIX
    ));
    let status = env::command(&program)
        .args(&options.arguments)
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    // The program prints its own errors.
    Ok(ExitCode::from(match status.code() {
        Some(code) => u8::try_from(code).unwrap_or(u8::MAX),
        None => u8::MAX,
    }))
}
