//! What native players and pages have in common, and waiting for it.

use std::{
    fmt::Write,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use nix::unistd::Pid;

use crate::report::Report;

/// How often reports are looked at.
pub const POLL: Duration = Duration::from_millis(30);

/// Somebody who plays.
pub trait Player: Send {
    /// How the test calls it.
    fn name(&self) -> &str;

    /// The newest report, if there is one.
    ///
    /// # Errors
    /// If it has crashed or ended.
    fn report(&mut self) -> anyhow::Result<Option<Report>>;

    /// Its process; what it runs descends from that.
    fn process(&self) -> Pid;

    /// SIGKILL: no goodbye.
    ///
    /// # Errors
    /// If it has no process any more.
    fn kill(&mut self) -> anyhow::Result<()>;

    /// What it logged.
    fn log(&self) -> String;
}

/// Polls until the predicate holds for the reports, in the order of the players; returns how long that took.
///
/// # Errors
/// If it takes longer than `timeout`: the error has each player's last report and log.
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

/// Polls for as long as `duration`, and fails as soon as `each` does.
///
/// # Errors
/// What `each` says, with each player's last report and log.
pub fn watch(
    players: &mut [&mut dyn Player],
    duration: Duration,
    what: &str,
    mut each: impl FnMut(&[Report]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut last = vec![None; players.len()];
    while start.elapsed() < duration {
        let round = Instant::now();
        read(players, &mut last, what)?;
        if let Some(reports) = last.iter().cloned().collect::<Option<Vec<Report>>>()
            && let Err(error) = each(&reports)
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
        // Writing to a string does not fail.
        let _ = write!(text, "\n   {}: {report}\n{}", player.name(), player.log());
    }
    text
}
