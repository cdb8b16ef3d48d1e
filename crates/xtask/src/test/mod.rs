//! `cargo xtask test`: every check, in order, with one tally at the end.

mod group;
mod steps;
mod stock;
mod tally;
mod tools;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::project::Project;
use group::Group;
use steps::{Course, Step};
use tally::Tally;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only these groups
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Group>,
    /// Passed to the tests themselves, e.g. a filter: `-- native`
    #[arg(last = true)]
    args: Vec<String>,
}

#[derive(clap::Args)]
pub(crate) struct TrialOptions {
    /// Passed to the trials themselves, e.g. a filter: `-- background` [default: all of them]
    #[arg(last = true)]
    args: Vec<String>,
}

/// What the names of trials begin with.
const TRIALS: &str = "trial_";

pub(crate) fn run(project: &Project, options: &Options) -> anyhow::Result<ExitCode> {
    let course = Course {
        args: options.args.clone(),
        is_long: false,
    };
    run_groups(project, &options.only, &course)
}

/// Builds what the trials need and runs all of them at full length.
pub(crate) fn trials(project: &Project, options: &TrialOptions) -> anyhow::Result<ExitCode> {
    let mut args = options.args.clone();
    if args.is_empty() {
        args.push(TRIALS.to_owned());
    }
    let course = Course {
        args,
        is_long: true,
    };
    run_groups(project, &[Group::E2e], &course)
}

fn run_groups(project: &Project, only: &[Group], course: &Course) -> anyhow::Result<ExitCode> {
    let mut tally = Tally::default();
    let mut broken = Vec::new();
    for step in Step::ALL {
        if !wanted(step, only) {
            continue;
        }
        println!("\n== {} ==", step.title());
        let start = Instant::now();
        let missing: Vec<&str> = broken
            .iter()
            .filter(|earlier| step.needs(**earlier))
            .map(|earlier: &Step| earlier.title())
            .collect();
        let counted = if missing.is_empty() {
            step.run(project, course)
        } else {
            Err(anyhow::anyhow!(
                "not tried, because this failed: {}",
                missing.join(", ")
            ))
        };
        let result = counted.unwrap_or_else(|error| {
            println!("error: {error:#}");
            Tally::failure()
        });
        if result.failed > 0 {
            broken.push(step);
        }
        println!("   {} {}", verdict(result), seconds(start.elapsed()));
        tally += result;
    }
    for step in &broken {
        println!("failed: {}", step.title());
    }
    println!("{tally}");
    Ok(if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn wanted(step: Step, only: &[Group]) -> bool {
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
    fn browser_tests_bring_their_builds_along() {
        assert!(wanted(Step::Pages, &[Group::E2e]));
        assert!(wanted(Step::Native, &[Group::E2e]));
        assert!(!wanted(Step::Format, &[Group::E2e]));
        assert!(wanted(Step::Format, &[]));
    }

    #[test]
    fn a_broken_build_stops_only_what_needs_it() {
        assert!(Step::Processes.needs(Step::Pages));
        assert!(!Step::Processes.needs(Step::Format));
        assert!(!Step::Unit.needs(Step::Pages));
    }
}
