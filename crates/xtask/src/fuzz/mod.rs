//! `cargo xtask fuzz`: throws untrusted bytes at everything that decodes them.

mod build;
mod corpus;
mod coverage;
mod keep;
mod run;

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, bail};

use crate::project::Project;
use build::Fuzzers;
pub(crate) use run::Outcome;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The target to fuzz, a file of fuzz/fuzz_targets; all of them if not given
    target: Option<String>,
    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 600)]
    seconds: u64,
    /// Run the target on this input only, such as one that made it fail
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
    /// Choose the inputs to keep in the repository anew, from those and what this machine has found
    #[arg(long, conflicts_with = "input")]
    keep: bool,
    /// Show how many lines of the decoders the kept inputs reach
    #[arg(long, conflicts_with_all = ["target", "input", "keep"])]
    coverage: bool,
}

pub(crate) fn run(project: &Project, options: &Options) -> anyhow::Result<ExitCode> {
    let targets = selected(project, options.target.as_deref())?;
    if options.coverage {
        return coverage::show(project, &targets);
    }
    let fuzzers = Fuzzers::build(project)?;
    if let Some(input) = &options.input {
        return run::once(&fuzzers, &targets[0], input);
    }
    if options.keep {
        return keep::keep(project, &fuzzers, &targets);
    }
    let time = Duration::from_secs(options.seconds.max(1));
    let outcome = run::all(project, &fuzzers, &targets, time, run::Start::Found)?;
    Ok(if outcome.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// All targets for a short time each, from the kept inputs alone, so that every machine does the
/// same work.
pub(crate) fn briefly(project: &Project, time: Duration) -> anyhow::Result<Outcome> {
    let targets = selected(project, None)?;
    let fuzzers = Fuzzers::build(project)?;
    run::all(project, &fuzzers, &targets, time, run::Start::Kept)
}

/// The named target, or all.
fn selected(project: &Project, name: Option<&str>) -> anyhow::Result<Vec<String>> {
    let folder = project.root.join("fuzz/fuzz_targets");
    let mut targets: Vec<String> = fs::read_dir(&folder)
        .with_context(|| format!("cannot list {}", folder.display()))?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".rs").map(str::to_owned))
        .collect();
    targets.sort();
    let Some(name) = name else {
        return Ok(targets);
    };
    if !targets.iter().any(|target| target == name) {
        bail!(
            "there is no fuzz target `{name}`; there are: {}",
            targets.join(", ")
        );
    }
    Ok(vec![name.to_owned()])
}
