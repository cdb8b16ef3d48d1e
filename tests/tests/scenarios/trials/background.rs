//! The host opens the game, switches to a chat to send the link, and stays there.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use huddle_tests::{
    Artifacts, Browser, Native, Page, Platform, Player, Report, Server, wait_until, watch,
};

use crate::{
    pictures::{SLOWLY, picture},
    steps::{LOAD, all_meet, all_see_movement, lists_exactly, long},
};

/// From the friend's first report.
const MEETING: Duration = Duration::from_secs(2);
/// Ticks per second of a page that nobody sees.
const TICKS: f64 = 55.0;
const HIDES: Duration = Duration::from_secs(5);
/// A camera needs a frame or two.
const DRAWS: Duration = Duration::from_secs(2);

/// How long the host's page is hidden, before the friend arrives and after.
fn hidden() -> Duration {
    Duration::from_secs(if long() { 60 } else { 4 })
}

/// The host's page is drawn while it is shown, so hiding it also turns its camera off.
pub(super) fn host_in_the_background(
    artifacts: &Artifacts,
    host: Platform,
    friend: Platform,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = browser(host, "Ada")?;
    ada.open(&server.player("bot=1"))?;
    wait_until(&mut [&mut ada], LOAD, "the host waits", |reports| {
        reports[0].state == "waiting"
    })?;
    ada.wait_shown(SLOWLY)?;
    hide(&ada)?;
    let alone = ticks_while(&mut [&mut ada], hidden(), |reports| {
        ensure!(reports[0].state == "waiting", "it is {}", reports[0].state);
        Ok(())
    })?;
    println!("   {host:?} alone and hidden: {alone:.1} ticks per second");

    let mut bob = start(artifacts, &server, friend)?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut *bob];
    wait_until(&mut both[1..], LOAD, "the friend reports", |_| true)?;
    let (ids, took) = all_meet(both, MEETING, "they meet without the page being shown")?;
    ensure!(took <= MEETING, "that took {took:?}");
    let playing = ticks_while(both, hidden(), |reports| {
        for report in reports {
            lists_exactly(report, &ids)?;
            let peer = &report.peers[0];
            ensure!(peer.links == 1, "a link was replaced");
            ensure!(!peer.stopped, "one is taken for stopped");
            ensure!(peer.state == "connected", "one is {}", peer.state);
        }
        Ok(())
    })?;
    println!("   {host:?} in play and hidden: {playing:.1} ticks per second");
    all_see_movement(both, "each sees the other move")?;
    ensure!(ada.is_hidden()?, "the host's page was shown");
    if host == Platform::Chromium {
        ensure!(alone >= TICKS && playing >= TICKS, "it ticks too slowly");
    }

    ada.show()?;
    thread::sleep(DRAWS);
    ensure!(!ada.is_hidden()?, "the page does not return");
    picture(artifacts, &ada, &format!("shown-again-{host:?}"))?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut *bob];
    all_meet(both, MEETING, "they still play when it is shown").map(drop)
}

fn browser(platform: Platform, name: &str) -> anyhow::Result<Browser> {
    match platform {
        Platform::Chromium => Browser::chromium(name, Page::SMALL),
        Platform::Firefox => Browser::firefox(name, Page::SMALL),
        Platform::Native => bail!("a native game has no page"),
    }
}

fn start(
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

pub(super) fn hide(page: &Browser) -> anyhow::Result<()> {
    page.hide()?;
    let start = Instant::now();
    while !page.is_hidden()? {
        ensure!(start.elapsed() < HIDES, "{} stays visible", page.name());
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Watches, and returns how many ticks per second the first player runs meanwhile.
fn ticks_while(
    players: &mut [&mut dyn Player],
    duration: Duration,
    mut each: impl FnMut(&[Report]) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let mut seen: Vec<(Instant, u64)> = Vec::new();
    watch(players, duration, "the page is hidden", |reports| {
        let now = (Instant::now(), reports[0].tick);
        // The first and the last are enough.
        seen.truncate(1);
        seen.push(now);
        each(reports)
    })?;
    let [(from, first), (to, last)] = seen[..] else {
        bail!("the hidden page did not report");
    };
    Ok((last - first) as f64 / (to - from).as_secs_f64())
}
