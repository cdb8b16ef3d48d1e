//! Runs the fuzz targets in parallel and prints their progress.

use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    process::{Child, ExitCode},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use super::{build::Fuzzers, corpus::Corpus};
use crate::{process, project::Project};

const POLL: Duration = Duration::from_millis(100);
const REPORT_EVERY: Duration = Duration::from_secs(30);
/// libFuzzer's limits for one input. A decoder that exceeds them could be used to stall a game. Inputs grow faster than by
/// default, because the targets that run whole rooms need long ones.
const OPTIONS: [&str; 4] = [
    "-timeout=5",
    "-malloc_limit_mb=32",
    "-rss_limit_mb=2048",
    "-len_control=10",
];

/// The number of targets that passed and failed.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

/// The inputs to start from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// The kept inputs. New inputs are discarded.
    Kept,
    /// The kept inputs and those found on this machine. New inputs are added to the latter.
    Found,
}

struct Running<'a> {
    target: &'a str,
    child: Child,
    log: PathBuf,
    since: Instant,
}

/// Runs each target for `time`, one per processor at a time.
pub(super) fn all(
    project: &Project,
    fuzzers: &Fuzzers,
    targets: &[String],
    time: Duration,
    start: Start,
) -> anyhow::Result<Outcome> {
    let max_running = thread::available_parallelism().map_or(1, usize::from);
    let mut waiting: VecDeque<&String> = targets.iter().collect();
    let mut running: Vec<Running> = Vec::new();
    let mut outcome = Outcome::default();
    let mut reported = Instant::now();
    while !waiting.is_empty() || !running.is_empty() {
        while running.len() < max_running
            && let Some(target) = waiting.pop_front()
        {
            running.push(start_target(project, fuzzers, target, time, start)?);
        }
        thread::sleep(POLL);
        let report = reported.elapsed() >= REPORT_EVERY;
        if report {
            reported = Instant::now();
        }
        let mut unfinished = Vec::new();
        for mut run in running {
            let Some(status) = run.child.try_wait()? else {
                if report {
                    println!("   {}", progress(&run, time));
                }
                unfinished.push(run);
                continue;
            };
            if status.success() {
                outcome.passed += 1;
                println!("ok {}", progress(&run, time));
            } else {
                outcome.failed += 1;
                println!("FAILED {}", failure_report(&run));
            }
        }
        running = unfinished;
    }
    Ok(outcome)
}

fn start_target<'a>(
    project: &Project,
    fuzzers: &Fuzzers,
    target: &'a str,
    time: Duration,
    start: Start,
) -> anyhow::Result<Running<'a>> {
    let corpus = Corpus::open(project, target)?;
    let place = |name: &str| project.cache.fuzz().join(name).join(target);
    let new = match start {
        Start::Found => corpus.found,
        Start::Kept => {
            let scratch = place("scratch");
            // The folder may not exist.
            let _ = fs::remove_dir_all(&scratch);
            scratch
        }
    };
    let failures = place("failures");
    let log = place("logs").with_extension("log");
    for folder in [&new, &failures, &project.cache.fuzz().join("logs")] {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let output = fs::File::create(&log)?;
    let child = fuzzers
        .command(target)
        .args(OPTIONS)
        .arg(format!("-max_total_time={}", time.as_secs()))
        .arg(format!("-artifact_prefix={}/", failures.display()))
        .arg(&new)
        .arg(&corpus.kept)
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| format!("cannot start the fuzz target {target}"))?;
    Ok(Running {
        target,
        child,
        log,
        since: Instant::now(),
    })
}

/// Returns a line such as `sdp: 12 of 600 s, cov: 814, corp: 658/1020Kb, exec/s: 5428`.
fn progress(run: &Running, time: Duration) -> String {
    let log = read(&run.log);
    let last = log.lines().rfind(|line| line.contains(" cov: "));
    format!(
        "{}: {} of {} s, {}",
        run.target,
        run.since.elapsed().as_secs(),
        time.as_secs(),
        statistics(last.unwrap_or_default())
    )
}

/// Extracts the statistics from a line that libFuzzer printed, such as `cov: 814, corp: 658/1020Kb, exec/s: 5428`.
fn statistics(line: &str) -> String {
    let mut words = line.split_whitespace();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        if matches!(word, "cov:" | "corp:" | "exec/s:")
            && let Some(value) = words.next()
        {
            kept.push(format!("{word} {value}"));
        }
    }
    kept.join(", ")
}

/// Describes a failure: its cause, the input, and the command that reproduces it.
fn failure_report(run: &Running) -> String {
    let log = read(&run.log);
    let why: Vec<&str> = log
        .lines()
        .skip_while(|line| !is_cause(line))
        .take_while(|line| !line.starts_with("stack backtrace") && !line.starts_with("NOTE"))
        .take(4)
        .collect();
    let mut text = format!("{}: {}", run.target, why.join("\n    "));
    match log
        .lines()
        .find_map(|line| line.split_once("Test unit written to "))
    {
        Some((_, input)) => {
            text += &format!(
                "\n    input: {input}\n    reproduce: cargo xtask fuzz {} --input {input}",
                run.target
            );
        }
        None => text += &format!("\n    log: {}", run.log.display()),
    }
    text
}

fn is_cause(line: &str) -> bool {
    line.contains("panicked at") || line.contains("ERROR: ")
}

fn read(log: &Path) -> String {
    fs::read(log).map_or_else(
        |_| String::new(),
        |log| String::from_utf8_lossy(&log).into_owned(),
    )
}

/// Runs a target once with the given input and shows its output.
pub(super) fn once(fuzzers: &Fuzzers, target: &str, input: &Path) -> anyhow::Result<ExitCode> {
    if !input.is_file() {
        bail!("{} is not a file", input.display());
    }
    process::run(fuzzers.command(target).args(OPTIONS).arg(input)).map(|()| ExitCode::SUCCESS)
}

/// Adds inputs from the folders `from` to the folder `into`: the fewest that cover all code that `from` covers and `into`
/// does not.
pub(super) fn merge(
    fuzzers: &Fuzzers,
    target: &str,
    into: &Path,
    from: &[&Path],
) -> anyhow::Result<()> {
    let mut command = fuzzers.command(target);
    command
        .args(OPTIONS)
        // Compares covered code, but not the number of times that it runs.
        .args(["-set_cover_merge=1", "-use_counters=0"])
        .arg(into)
        .args(from);
    process::output(&mut command).map(drop)
}

// These tests start a Unix program.
#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn run(target: &str, log: &str, folder: &Path) -> Running<'static> {
        let path = folder.join(target);
        fs::write(&path, log).unwrap();
        Running {
            target: "sdp",
            child: std::process::Command::new("true").spawn().unwrap(),
            log: path,
            since: Instant::now(),
        }
    }

    #[test]
    fn progress_shows_the_latest_statistics() {
        let folder = tempfile::tempdir().unwrap();
        let log = "#2\tINITED cov: 5 ft: 6 corp: 1/1b exec/s: 0 rss: 37Mb\n\
            #9\tDONE   cov: 814 ft: 3389 corp: 658/1020Kb lim: 4 exec/s: 5428 rss: 478Mb\n\
            ###### End of recommended dictionary. ######\n";
        assert_eq!(
            progress(&run("log", log, folder.path()), Duration::from_secs(9)),
            "sdp: 0 of 9 s, cov: 814, corp: 658/1020Kb, exec/s: 5428"
        );
    }

    #[test]
    fn failure_report_contains_cause_and_command() {
        let folder = tempfile::tempdir().unwrap();
        let log = "#2\tINITED cov: 5\nthread '<unnamed>' (1) panicked at a.rs:81:5:\n\
            assertion failed\nstack backtrace:\n 0: x\n==1== ERROR: libFuzzer: deadly signal\n\
            artifact_prefix='/f/'; Test unit written to /f/crash-1f\n";
        let report = failure_report(&run("log", log, folder.path()));
        assert_eq!(
            report,
            "sdp: thread '<unnamed>' (1) panicked at a.rs:81:5:\n    assertion failed\n    \
             input: /f/crash-1f\n    reproduce: cargo xtask fuzz sdp --input /f/crash-1f"
        );
    }
}
