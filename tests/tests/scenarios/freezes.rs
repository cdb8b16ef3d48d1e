//! Frozen processes and hidden pages.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use huddle_tests::{
    Artifacts, Browser, Frozen, Native, Page, Platform, Player, Server, Testbed, wait_until, watch,
};

use crate::steps::{
    LOAD_TIMEOUT, Movement, all_meet, all_see_movement, browser, hide, is_long_run, lists_exactly,
};

/// The length of a freeze that the link survives.
const SHORT: Duration = Duration::from_secs(2);
/// The maximum time until a frozen peer is reconnecting.
const RECONNECTING_TIMEOUT: Duration = Duration::from_millis(1500);
/// The maximum time until a frozen peer is lost.
const LOSS_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum time until a peer is connected again.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(3);
/// The maximum time until a lost player has joined again.
const RETURN_TIMEOUT: Duration = Duration::from_secs(10);
const SHOWN: Duration = Duration::from_secs(1);

/// SIGSTOP for two seconds: the other players report the peer as reconnecting, and no peer is lost.
pub(crate) fn link_survives_a_short_freeze(
    artifacts: &Artifacts,
    platform: Platform,
) -> anyhow::Result<()> {
    let testbed = Testbed::new(artifacts)?;
    let mut ada = testbed.add_player(Platform::Native, "Ada", 1)?;
    let mut bob = testbed.add_player(Platform::Chromium, "Bob", 2)?;
    let mut cleo = testbed.add_player(platform, "Cleo", 3)?;
    let all: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player, &mut *cleo.player];
    let (ids, _) = all_meet(all, LOAD_TIMEOUT, "three meet")?;
    let frozen = Frozen::new(&*cleo.player)?;
    let start = Instant::now();
    let others: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player];
    let reconnecting = wait_until(
        others,
        RECONNECTING_TIMEOUT,
        "the other players report it as reconnecting",
        |reports| {
            reports.iter().all(|report| {
                report
                    .peer(&ids[2])
                    .is_some_and(|p| p.state == "reconnecting")
            })
        },
    )?;
    println!("   reconnecting after {} ms", reconnecting.as_millis());
    watch(
        others,
        SHORT.saturating_sub(start.elapsed()),
        "no peer is lost",
        |reports| {
            reports
                .iter()
                .try_for_each(|report| lists_exactly(report, &ids))
        },
    )?;
    drop(frozen);
    let all: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player, &mut *cleo.player];
    let (after, took) = all_meet(all, RECOVERY_TIMEOUT, "all recover")?;
    println!("   recovered {} ms after it resumes", took.as_millis());
    ensure!(after == ids, "ids have changed");
    watch(all, SHORT, "all stay connected", |reports| {
        reports.iter().try_for_each(|report| {
            ensure!(
                report.departed.is_empty(),
                "a peer was lost: {:?}",
                report.departed
            );
            lists_exactly(report, &ids)
        })
    })
}

/// SIGSTOP for longer than the reconnect timeout: the other players lose the peer, which reconnects to them when it
/// resumes.
pub(crate) fn player_reconnects_after_a_long_freeze(
    artifacts: &Artifacts,
    platform: Platform,
) -> anyhow::Result<()> {
    let testbed = Testbed::new(artifacts)?;
    let mut ada = testbed.add_player(Platform::Native, "Ada", 1)?;
    let mut bob = testbed.add_player(Platform::Chromium, "Bob", 2)?;
    let mut cleo = testbed.add_player(platform, "Cleo", 3)?;
    let all: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player, &mut *cleo.player];
    let (ids, _) = all_meet(all, LOAD_TIMEOUT, "three meet")?;
    let frozen = Frozen::new(&*cleo.player)?;
    let start = Instant::now();
    let others: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player];
    let lost = wait_until(
        others,
        LOSS_TIMEOUT,
        "the other players lose it",
        |reports| reports.iter().all(|report| !report.lists(&ids[2])),
    )?;
    println!("   lost after {} ms", lost.as_millis());
    let long = Duration::from_secs(if is_long_run() { 20 } else { 13 });
    watch(
        others,
        long.saturating_sub(start.elapsed()),
        "the other players continue",
        |reports| {
            reports
                .iter()
                .try_for_each(|report| lists_exactly(report, &ids[..2]))
        },
    )?;
    drop(frozen);
    let all: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player, &mut *cleo.player];
    let (after, took) = all_meet(all, RETURN_TIMEOUT, "the frozen player is back")?;
    println!("   back {} ms after it resumes", took.as_millis());
    ensure!(after == ids, "ids have changed: {ids:?}, then {after:?}");
    all_see_movement(all, "each sees the other players move")
}

/// A page is hidden while its frames take longer than the interval of the timer that requests them.
/// Requests that accumulate would block the page for longer and longer.
pub(crate) fn hidden_page_with_slow_frames_responds(
    artifacts: &Artifacts,
    platform: Platform,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, "hello", 1)?;
    let mut bob = browser(platform, "Bob")?;
    bob.open(&server.player("render=off&bot=2&busy=40"))?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    let (ids, _) = all_meet(both, LOAD_TIMEOUT, "they meet")?;
    hide(&bob)?;
    watch(
        &mut [&mut ada],
        Duration::from_secs(10),
        "the hidden page plays",
        |reports| lists_exactly(&reports[0], &ids),
    )?;
    let start = Instant::now();
    ensure!(bob.is_hidden()?, "the page is visible");
    let took = start.elapsed();
    println!("   the hidden page responds after {} ms", took.as_millis());
    ensure!(took < SHOWN, "the hidden page responds after {took:?}");
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    all_see_movement(both, "each sees the other move")
}

/// A page is hidden while the players play.
pub(crate) fn hidden_page_keeps_its_links(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, "hello", 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    let mut cleo = Browser::chromium("Cleo", Page::SMALL)?;
    bob.open(&server.player("render=off&bot=2"))?;
    cleo.open(&server.player("render=off&bot=3"))?;
    let (ids, _) = all_meet(
        &mut [&mut ada, &mut bob, &mut cleo],
        LOAD_TIMEOUT,
        "three meet",
    )?;

    cleo.hide()?;
    let hidden = Duration::from_secs(if is_long_run() { 60 } else { 20 });
    let others: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    watch(
        others,
        hidden,
        "the hidden page continues to play",
        |reports| {
            reports.iter().try_for_each(|report| {
                lists_exactly(report, &ids)?;
                let peer = report.peer(&ids[2]);
                ensure!(
                    peer.is_some_and(|p| p.links == 1 && !p.stopped && p.state == "connected"),
                    "the hidden page is {peer:?}"
                );
                Ok(())
            })
        },
    )?;

    let mut seen = Movement::default();
    cleo.show()?;
    let start = Instant::now();
    let all: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut cleo];
    let back = wait_until(all, 2 * SHOWN, "the page is back in play", |reports| {
        seen.record(reports);
        reports
            .iter()
            .all(|report| report.plays_with(2) && report.peers.iter().all(|p| !p.stopped))
            && seen
                .fewest_places(reports)
                .is_some_and(|places| places >= 3)
    })?;
    println!(
        "   back in play {} ms after the page is visible",
        back.as_millis()
    );
    ensure!(
        start.elapsed() < SHOWN + Duration::from_millis(200),
        "the page was back only after {back:?}"
    );
    thread::sleep(SHOWN);
    watch(all, SHORT, "the page stays connected", |reports| {
        reports.iter().try_for_each(|report| {
            ensure!(
                report.peers.iter().all(|peer| peer.links == 1),
                "a link was replaced"
            );
            lists_exactly(report, &ids)
        })
    })
}
