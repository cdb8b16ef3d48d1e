//! Running the targets, side by side, and telling how it goes.

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
/// What one input may take, in seconds and memory: a decoder that takes more can be used to stop a
/// game. And inputs become longer sooner than by default, because lives of rooms are long.
const OPTIONS: [&str; 4] = [
    "-timeout=5",
    "-malloc_limit_mb=32",
    "-rss_limit_mb=2048",
    "-len_control=10",
];

/// How many targets held and failed.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) held: u32,
    pub(crate) failed: u32,
}

/// Which inputs to start from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// The kept ones; what is found is forgotten.
    Kept,
    /// Those and what this machine has found, which what is found now is added to.
    Found,
}

struct Running<'a> {
    target: &'a str,
    child: Child,
    log: PathBuf,
    since: Instant,
}

/// Runs targets for some time each, as many at once as there are processors.
pub(super) fn all(
    project: &Project,
    fuzzers: &Fuzzers,
    targets: &[String],
    time: Duration,
    start: Start,
) -> anyhow::Result<Outcome> {
    let at_once = thread::available_parallelism().map_or(1, usize::from);
    let mut waiting: VecDeque<&String> = targets.iter().collect();
    let mut running: Vec<Running> = Vec::new();
    let mut outcome = Outcome::default();
    let mut reported = Instant::now();
    while !waiting.is_empty() || !running.is_empty() {
        while running.len() < at_once
            && let Some(target) = waiting.pop_front()
        {
            running.push(begin(project, fuzzers, target, time, start)?);
        }
        thread::sleep(POLL);
        let report = reported.elapsed() >= REPORT_EVERY;
        if report {
            reported = Instant::now();
        }
        let mut still = Vec::new();
        for mut run in running {
            let Some(status) = run.child.try_wait()? else {
                if report {
                    println!("   {}", progress(&run, time));
                }
                still.push(run);
                continue;
            };
            if status.success() {
                outcome.held += 1;
                println!("ok {}", progress(&run, time));
            } else {
                outcome.failed += 1;
                println!("FAILED {}", complaint(&run));
            }
        }
        running = still;
    }
    Ok(outcome)
}

fn begin<'a>(
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
            // It may not be there.
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

/// `sdp: 12 of 600 s, cov: 814, corp: 658/1020Kb, exec/s: 5428`.
fn progress(run: &Running, time: Duration) -> String {
    let log = read(&run.log);
    let last = log.lines().rfind(|line| line.contains(" cov: "));
    format!(
        "{}: {} of {} s, {}",
        run.target,
        run.since.elapsed().as_secs(),
        time.as_secs(),
        figures(last.unwrap_or_default())
    )
}

/// Of a line of libFuzzer, what is of interest: `cov: 814, corp: 658/1020Kb, exec/s: 5428`.
fn figures(line: &str) -> String {
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

/// What went wrong, with the input that shows it and how to run that again.
fn complaint(run: &Running) -> String {
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
                "\n    input: {input}\n    again: cargo xtask fuzz {} --input {input}",
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

/// Runs a target on one input, with its output shown.
pub(super) fn once(fuzzers: &Fuzzers, target: &str, input: &Path) -> anyhow::Result<ExitCode> {
    if !input.is_file() {
        bail!("{} is not a file", input.display());
    }
    process::run(fuzzers.command(target).args(OPTIONS).arg(input)).map(|()| ExitCode::SUCCESS)
}

/// Copies into `into`, next to what is there, the fewest of the inputs in `from` that reach code
/// which those do not.
pub(super) fn merge(
    fuzzers: &Fuzzers,
    target: &str,
    into: &Path,
    from: &[&Path],
) -> anyhow::Result<()> {
    let mut command = fuzzers.command(target);
    command
        .args(OPTIONS)
        // Code that is reached counts, how often does not.
        .args(["-set_cover_merge=1", "-use_counters=0"])
        .arg(into)
        .args(from);
    process::output(&mut command).map(drop)
}

#[cfg(test)]
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
    fn progress_is_the_last_line_with_figures() {
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
    fn a_failure_is_told_with_its_cause_and_how_to_see_it_again() {
        let folder = tempfile::tempdir().unwrap();
        let log = "#2\tINITED cov: 5\nthread '<unnamed>' (1) panicked at a.rs:81:5:\n\
            assertion failed\nstack backtrace:\n 0: x\n==1== ERROR: libFuzzer: deadly signal\n\
            artifact_prefix='/f/'; Test unit written to /f/crash-1f\n";
        let told = complaint(&run("log", log, folder.path()));
        assert_eq!(
            told,
            "sdp: thread '<unnamed>' (1) panicked at a.rs:81:5:\n    assertion failed\n    \
             input: /f/crash-1f\n    again: cargo xtask fuzz sdp --input /f/crash-1f"
        );
    }
}
