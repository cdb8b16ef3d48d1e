//! Matches with rollback between browsers and native players.

use std::time::Duration;

use anyhow::ensure;
use huddle_tests::{Artifacts, Browser, Native, Page, Player, Server, wait_until};

use crate::steps::LOAD_TIMEOUT;

const ROOM: &str = "hello";

/// The maximum time from the last player's first report to the first tick of the match.
const START_TIMEOUT: Duration = Duration::from_secs(12);

/// The ticks per second.
const RATE: u32 = 60;

/// The length of a match.
const LENGTH: Duration = Duration::from_secs(180);

/// A bad network: 80 ms round-trip time, 20 ms jitter and 5 % loss.
const QUERY: &str = "render=off&lag=40&jitter=20&loss=5&match=2";

pub(crate) fn native_and_chromium_play_for_three_minutes(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::measuring(artifacts, "Ada", &server, ROOM, 1, &[("match", "2")])?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.open(&server.player(&format!("{QUERY}&bot=2")))?;
    play(&mut [&mut ada, &mut bob], LENGTH)
}

/// Plays at nearly the full rate.
fn play(players: &mut [&mut dyn Player], length: Duration) -> anyhow::Result<()> {
    let ticks = RATE * length.as_secs() as u32;
    wait_until(players, LOAD_TIMEOUT, "both players report", |_| true)?;
    wait_until(players, START_TIMEOUT, "the match starts", |reports| {
        reports.iter().all(|report| report.rollback().tick > 0)
    })?;
    let mut last = Vec::new();
    let limit = length.mul_f32(1.1);
    let took = wait_until(players, limit, "the match runs at its rate", |reports| {
        last = reports.iter().map(|report| report.rollback()).collect();
        last.iter().all(|rollback| rollback.confirmed >= ticks)
    })?;
    println!("   {ticks} ticks in {:.1} s: {last:?}", took.as_secs_f64());
    for rollback in &last {
        ensure!(rollback.seats == 2, "a player has left");
        ensure!(rollback.desyncs == 0, "the players' games differ");
        ensure!(rollback.compared >= 20, "too few checksums are compared");
        ensure!(rollback.rollbacks >= 20, "nothing was mispredicted");
        ensure!(rollback.bangs > 0, "no effect was played");
    }
    Ok(())
}
