//! `cargo xtask test`: runs every check in order and prints the total results.

mod group;
mod steps;
mod stock;
mod tally;
mod tools;

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::project::Project;
use group::Group;
use steps::{Step, TestArgs};
use tally::Tally;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only these groups
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Group>,
    /// Arguments of the tests, for example a filter: `-- native`
    #[arg(last = true)]
    args: Vec<String>,
}

#[derive(clap::Args)]
pub(crate) struct TrialOptions {
    /// Arguments of the trials, for example a filter: `-- background` [default: all trials]
    #[arg(last = true)]
    args: Vec<String>,
}

/// The prefix of the names of trials.
const TRIAL_PREFIX: &str = "trial_";

pub(crate) fn run(project: &Project, options: &Options) -> anyhow::Result<ExitCode> {
    let test_args = TestArgs {
        args: options.args.clone(),
        is_long: false,
        recording: None,
    };
    run_groups(project, &options.only, &test_args)
}

/// Builds the programs of the trials and runs the trials at full length.
pub(crate) fn trials(project: &Project, options: &TrialOptions) -> anyhow::Result<ExitCode> {
    let mut args = options.args.clone();
    if args.is_empty() {
        args.push(TRIAL_PREFIX.to_owned());
    }
    let test_args = TestArgs {
        args,
        is_long: true,
        recording: None,
    };
    run_groups(project, &[Group::E2e], &test_args)
}

/// Records two windows of an example and writes the frames to a folder.
pub(crate) fn record(project: &Project, example: &str, folder: &Path) -> anyhow::Result<ExitCode> {
    let test_args = TestArgs {
        args: vec![format!("recording_of_{example}")],
        is_long: false,
        recording: Some(folder.to_owned()),
    };
    run_groups(project, &[Group::E2e], &test_args)
}

fn run_groups(project: &Project, only: &[Group], test_args: &TestArgs) -> anyhow::Result<ExitCode> {
    let mut tally = Tally::default();
    let mut failed_steps = Vec::new();
    for step in Step::ALL {
        if !is_selected(step, only) {
            continue;
        }
        println!("\n== {} ==", step.title());
        let start = Instant::now();
        let failed_builds: Vec<&str> = failed_steps
            .iter()
            .filter(|earlier| step.needs(**earlier))
            .map(|earlier: &Step| earlier.title())
            .collect();
        let result = if failed_builds.is_empty() {
            step.run(project, test_args)
        } else {
            Err(anyhow::anyhow!(
                "skipped, because it needs a step that failed: {}",
                failed_builds.join(", ")
            ))
        };
        let result = result.unwrap_or_else(|error| {
            println!("error: {error:#}");
            Tally::failure()
        });
        if result.failed > 0 {
            failed_steps.push(step);
        }
        println!("   {} {}", verdict(result), seconds(start.elapsed()));
        tally += result;
    }
    for step in &failed_steps {
        println!("failed: {}", step.title());
    }
    println!("{tally}");
    Ok(if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn is_selected(step: Step, only: &[Group]) -> bool {
    only.is_empty() || step.groups().iter().any(|group| only.contains(group))
}

fn verdict(result: Tally) -> String {
    match result.failed {
        0 => "ok in".into(),
        failed => format!("{failed} FAILED in"),
    }
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f32())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_tests_select_the_builds_they_need() {
        assert!(is_selected(Step::Pages, &[Group::E2e]));
        assert!(is_selected(Step::Native, &[Group::E2e]));
        assert!(!is_selected(Step::Format, &[Group::E2e]));
        assert!(is_selected(Step::Format, &[]));
    }

    #[test]
    fn failed_build_skips_only_the_steps_that_need_it() {
        assert!(Step::Processes.needs(Step::Pages));
        assert!(!Step::Processes.needs(Step::Format));
        assert!(!Step::Unit.needs(Step::Pages));
    }
}
