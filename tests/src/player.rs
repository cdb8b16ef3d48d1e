//! The common interface of native players and pages, and functions that wait for their reports.

use std::{
    fmt::Write,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use nix::unistd::Pid;

use crate::report::Report;

/// The interval at which reports are read.
pub const POLL: Duration = Duration::from_millis(30);

/// A running player.
pub trait Player: Send {
    /// Returns the player's name in the test.
    fn name(&self) -> &str;

    /// Returns the newest report, if any.
    ///
    /// # Errors
    /// Returns an error if the player has ended.
    fn report(&mut self) -> anyhow::Result<Option<Report>>;

    /// Returns the player's main process. Its other processes are descendants of it.
    fn process(&self) -> Pid;

    /// Kills the player with SIGKILL, so that it cannot announce its departure.
    ///
    /// # Errors
    /// Returns an error if the process has already ended.
    fn kill(&mut self) -> anyhow::Result<()>;

    /// Returns the last lines of the log.
    fn log(&self) -> String;
}

/// Polls until the predicate holds for the reports, which are in the order of the players. Returns
/// the elapsed time.
///
/// # Errors
/// Returns an error after `timeout`. The error contains each player's last report and log.
pub fn wait_until(
    players: &mut [&mut dyn Player],
    timeout: Duration,
    what: &str,
    mut holds: impl FnMut(&[Report]) -> bool,
) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut last = vec![None; players.len()];
    loop {
        let round = Instant::now();
        read(players, &mut last, what)?;
        let reports: Option<Vec<Report>> = last.iter().cloned().collect();
        if reports.is_some_and(|reports| holds(&reports)) {
            return Ok(start.elapsed());
        }
        if start.elapsed() > timeout {
            bail!(
                "not within {:.1} s: {what}{}",
                timeout.as_secs_f32(),
                diagnosis(players, &last)
            );
        }
        thread::sleep(POLL.saturating_sub(round.elapsed()));
    }
}

/// Polls for `duration`, and fails as soon as `check` does.
///
/// # Errors
/// Returns the error of `check` with each player's last report and log.
pub fn watch(
    players: &mut [&mut dyn Player],
    duration: Duration,
    what: &str,
    mut check: impl FnMut(&[Report]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut last = vec![None; players.len()];
    while start.elapsed() < duration {
        let round = Instant::now();
        read(players, &mut last, what)?;
        if let Some(reports) = last.iter().cloned().collect::<Option<Vec<Report>>>()
            && let Err(error) = check(&reports)
        {
            bail!("{what}: {error:#}{}", diagnosis(players, &last));
        }
        thread::sleep(POLL.saturating_sub(round.elapsed()));
    }
    Ok(())
}

fn read(
    players: &mut [&mut dyn Player],
    last: &mut [Option<Report>],
    what: &str,
) -> anyhow::Result<()> {
    for (player, last) in players.iter_mut().zip(last) {
        let report = player.report();
        let report =
            report.with_context(|| format!("{}, while waiting for: {what}", player.name()))?;
        if report.is_some() {
            *last = report;
        }
    }
    Ok(())
}

fn diagnosis(players: &mut [&mut dyn Player], last: &[Option<Report>]) -> String {
    let mut text = String::new();
    for (player, last) in players.iter_mut().zip(last) {
        let report = match last {
            Some(report) => serde_json::to_string(report).unwrap_or_else(|error| error.to_string()),
            None => "never reported".into(),
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n   {}: {report}\n{}", player.name(), player.log());
    }
    text
}
