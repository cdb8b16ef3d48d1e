//! `cargo xtask fuzz`: fuzzes every decoder of untrusted bytes.

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
    /// The target to fuzz, a file in fuzz/fuzz_targets [default: all targets]
    target: Option<String>,
    /// How long to run each target
    #[arg(long, value_name = "N", default_value_t = 600)]
    seconds: u64,
    /// Run the target once with this input, for example to reproduce a failure
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
    /// Choose again which inputs to keep in the repository, from the kept inputs and those found on this machine
    #[arg(long, conflicts_with = "input")]
    keep: bool,
    /// Show how many lines of the decoders the kept inputs cover
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

/// Runs each target for a short time, starting from the kept inputs only. So every machine does the same work.
pub(crate) fn run_briefly(project: &Project, time: Duration) -> anyhow::Result<Outcome> {
    let targets = selected(project, None)?;
    let fuzzers = Fuzzers::build(project)?;
    run::all(project, &fuzzers, &targets, time, run::Start::Kept)
}

/// Returns the named target, or all targets.
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
            "there is no fuzz target `{name}`; the targets are: {}",
            targets.join(", ")
        );
    }
    Ok(vec![name.to_owned()])
}
