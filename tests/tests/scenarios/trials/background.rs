//! The host opens the game and switches to a chat to send the link, so its page is hidden when a
//! friend joins.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use huddle_tests::{Artifacts, Native, Platform, Player, Report, Server, wait_until, watch};

use crate::{
    pictures::{SLOW_DRAWING, save_screenshot},
    steps::{LOAD_TIMEOUT, all_meet, all_see_movement, browser, hide, is_long_run, lists_exactly},
};

/// The maximum time from the friend's first report to the meeting.
const MEETING_TIMEOUT: Duration = Duration::from_secs(2);
/// The minimum tick rate of a hidden page, per second.
const TICKS: f64 = 55.0;
/// The time for the camera to draw some frames.
const DRAWN: Duration = Duration::from_secs(2);

/// Returns how long the host's page is hidden before the friend joins, and again after it.
fn hidden() -> Duration {
    Duration::from_secs(if is_long_run() { 60 } else { 4 })
}

/// The host's page draws while it is visible, so hiding it also disables its camera.
pub(super) fn hidden_host_meets_a_friend(
    artifacts: &Artifacts,
    host: Platform,
    friend: Platform,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = browser(host, "Ada")?;
    ada.open(&server.player("bot=1"))?;
    wait_until(&mut [&mut ada], LOAD_TIMEOUT, "the host waits", |reports| {
        reports[0].state == "waiting"
    })?;
    ada.wait_shown(SLOW_DRAWING)?;
    hide(&ada)?;
    let alone = ticks_while(&mut [&mut ada], hidden(), |reports| {
        ensure!(
            reports[0].state == "waiting",
            "the state is {}",
            reports[0].state
        );
        Ok(())
    })?;
    println!("   {host:?} alone and hidden: {alone:.1} ticks per second");

    let mut bob = start(artifacts, &server, friend)?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut *bob];
    wait_until(&mut both[1..], LOAD_TIMEOUT, "the friend reports", |_| true)?;
    let (ids, took) = all_meet(both, MEETING_TIMEOUT, "they meet while the page is hidden")?;
    ensure!(
        took <= MEETING_TIMEOUT,
        "the players met only after {took:?}"
    );
    let playing = ticks_while(both, hidden(), |reports| {
        for report in reports {
            lists_exactly(report, &ids)?;
            let peer = &report.peers[0];
            ensure!(peer.links == 1, "a link was replaced");
            ensure!(!peer.stopped, "a peer is reported as stopped");
            ensure!(peer.state == "connected", "a peer is {}", peer.state);
        }
        Ok(())
    })?;
    println!("   {host:?} in play and hidden: {playing:.1} ticks per second");
    all_see_movement(both, "each sees the other move")?;
    ensure!(ada.is_hidden()?, "the host's page is visible");
    if host == Platform::Chromium {
        ensure!(
            alone >= TICKS && playing >= TICKS,
            "the hidden page ticks too slowly"
        );
    }

    ada.show()?;
    thread::sleep(DRAWN);
    ensure!(!ada.is_hidden()?, "the page stays hidden");
    save_screenshot(artifacts, &ada, &format!("shown-again-{host:?}"))?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut *bob];
    all_meet(
        both,
        MEETING_TIMEOUT,
        "they still play when the page is visible again",
    )
    .map(drop)
}

pub(super) fn start(
    artifacts: &Artifacts,
    server: &Server,
    platform: Platform,
) -> anyhow::Result<Box<dyn Player>> {
    if platform == Platform::Native {
        let native = Native::start(artifacts, "Bob", server, "hello", 2)?;
        return Ok(Box::new(native));
    }
    let page = browser(platform, "Bob")?;
    page.open(&server.player("render=off&bot=2"))?;
    Ok(Box::new(page))
}

/// Watches the players, and returns the first player's tick rate per second.
fn ticks_while(
    players: &mut [&mut dyn Player],
    duration: Duration,
    mut check: impl FnMut(&[Report]) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let mut seen: Vec<(Instant, u64)> = Vec::new();
    watch(players, duration, "the page is hidden", |reports| {
        let now = (Instant::now(), reports[0].tick);
        // Only the first and the last report are needed.
        seen.truncate(1);
        seen.push(now);
        check(reports)
    })?;
    let [(from, first), (to, last)] = seen[..] else {
        bail!("the hidden page did not report");
    };
    Ok((last - first) as f64 / (to - from).as_secs_f64())
}
