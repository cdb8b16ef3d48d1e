//! Counting tests while their output streams by.

use std::{
    fmt,
    io::{BufRead, BufReader},
    ops::AddAssign,
    process::{Command, Stdio},
};

use anyhow::Context;

use crate::process;

/// How many passed and failed.
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

    /// Runs a check: it counts as one.
    pub(super) fn check(command: &mut Command) -> anyhow::Result<Self> {
        process::run(command).map(|()| Self::success())
    }

    /// Runs `cargo test`, shows its output and sums its results.
    pub(super) fn tests(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", process::shown(command)))?;
        let mut tally = Self::default();
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).split(b'\n') {
                let line = line?;
                let line = String::from_utf8_lossy(&line);
                println!("{line}");
                if let Some(counted) = Self::of_line(&line) {
                    tally += counted;
                }
            }
        }
        let status = child.wait()?;
        // It may fail before any test runs, e.g. because it does not compile.
        if !status.success() && tally.failed == 0 {
            println!("error: `{}` failed ({status})", process::shown(command));
            tally += Self::failure();
        }
        Ok(tally)
    }

    /// Reads `test result: ok. 3 passed; 0 failed; 0 ignored; ...`.
    fn of_line(line: &str) -> Option<Self> {
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

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn results_are_summed() {
        let script = "echo 'test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out';
            echo 'test x ... ok'; echo 'test result: FAILED. 10 passed; 2 failed; 0 ignored'; exit 101";
        let tally = Tally::tests(&mut shell(script)).unwrap();
        assert_eq!(tally.to_string(), "13 passed, 2 failed");
    }

    #[test]
    fn a_failure_without_results_counts() {
        assert_eq!(
            Tally::tests(&mut shell("exit 101")).unwrap(),
            Tally::failure()
        );
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(Tally::of_line("test result of mine"), None);
        assert_eq!(
            Tally::of_line("test result: ok. many passed; 0 failed"),
            None
        );
    }
}
