//! Counts test results while printing the output of the tests.

use std::{
    fmt,
    io::{BufRead, BufReader},
    ops::AddAssign,
    process::{Command, Stdio},
};

use anyhow::Context;

use crate::{process, report::Report};

/// The number of tests that passed and failed.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u32,
    pub(super) failed: u32,
}

impl Tally {
    pub(super) const fn success() -> Self {
        Self {
            passed: 1,
            failed: 0,
        }
    }

    pub(super) const fn failure() -> Self {
        Self {
            passed: 0,
            failed: 1,
        }
    }

    /// Runs a command and counts it as one test.
    pub(super) fn check(command: &mut Command) -> anyhow::Result<Self> {
        process::run(command).map(|()| Self::success())
    }

    /// Runs `cargo test`, prints its output and adds up its results.
    pub(super) fn tests(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", process::command_line(command)))?;
        let mut tally = Self::default();
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).split(b'\n') {
                let line = line?;
                let line = String::from_utf8_lossy(&line);
                println!("{line}");
                if let Some(results) = Self::parse(&line) {
                    tally += results;
                }
            }
        }
        let status = child.wait()?;
        // The command can fail before any test runs, for example because a test does not compile.
        if !status.success() && tally.failed == 0 {
            println!(
                "error: `{}` failed ({status})",
                process::command_line(command)
            );
            tally += Self::failure();
        }
        Ok(tally)
    }

    /// Parses a line such as `test result: ok. 3 passed; 0 failed; 0 ignored; ...`.
    fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.split_once("test result: ")?.1.split_once(". ")?;
        let count = |label: &str| {
            counts
                .split(';')
                .find_map(|part| part.trim().strip_suffix(label)?.trim().parse().ok())
        };
        Some(Self {
            passed: count("passed")?,
            failed: count("failed")?,
        })
    }
}

impl From<Report> for Tally {
    fn from(report: Report) -> Self {
        Self {
            passed: report.clean,
            failed: report.broken,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[cfg(unix)]
    #[test]
    fn results_are_added_up() {
        let script = "echo 'test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out';
            echo 'test x ... ok'; echo 'test result: FAILED. 10 passed; 2 failed; 0 ignored'; exit 101";
        let tally = Tally::tests(&mut shell(script)).unwrap();
        assert_eq!(tally.to_string(), "13 passed, 2 failed");
    }

    #[cfg(unix)]
    #[test]
    fn failure_without_results_counts_as_one() {
        assert_eq!(
            Tally::tests(&mut shell("exit 101")).unwrap(),
            Tally::failure()
        );
    }

    #[test]
    fn other_lines_are_not_counted() {
        assert_eq!(Tally::parse("test result of another kind"), None);
        assert_eq!(Tally::parse("test result: ok. many passed; 0 failed"), None);
    }
}
