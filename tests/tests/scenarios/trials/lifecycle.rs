//! Tests the lifecycle of pages: the back button, reloads, duplicate tabs and frozen pages.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, Browser, Native, Page, Player, Report, Server, wait_until, watch};
use serde_json::json;

use crate::steps::{LOAD_TIMEOUT, all_meet, all_see_movement, hide, is_long_run, lists_exactly};

const SECOND: Duration = Duration::from_secs(1);
/// The maximum time until the players meet after a page returns or resumes.
const RETURN_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum time until a peer that left is removed.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(1);
/// The maximum time until a stopped game is reported.
const STOP_TIMEOUT: Duration = Duration::from_millis(600);
/// The time for which a page is frozen.
const FROZEN: Duration = Duration::from_secs(2);

/// Records whether the page was restored from the back/forward cache.
const RECORD_RESTORED: &str =
    "addEventListener('pageshow', (event) => { globalThis.isRestored = event.persisted; })";

pub(super) fn back_button_rejoins_the_room(artifacts: &Artifacts) -> anyhow::Result<()> {
    let bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.run_before_pages(RECORD_RESTORED)?;
    let is_cached = back_and_forth(artifacts, bob)?;
    ensure!(
        is_cached,
        "Chromium did not cache the page, so the trial did not run"
    );
    Ok(())
}

pub(super) fn back_button_rejoins_the_room_in_firefox(artifacts: &Artifacts) -> anyhow::Result<()> {
    back_and_forth(artifacts, Browser::firefox("Bob", Page::SMALL)?).map(drop)
}

/// Leaves the page and returns to it: first alone in the room, then during a game. Returns whether
/// the browser cached the page.
fn back_and_forth(artifacts: &Artifacts, mut bob: Browser) -> anyhow::Result<bool> {
    let server = Server::start(artifacts)?;
    bob.open(&server.player("render=off&bot=2"))?;
    wait_until(&mut [&mut bob], LOAD_TIMEOUT, "Bob waits", |reports| {
        reports[0].state == "waiting"
    })?;
    let is_cached = leave_and_return(&server, &mut bob)?;
    wait_until(
        &mut [&mut bob],
        LOAD_TIMEOUT,
        "Bob waits again",
        |reports| reports[0].state == "waiting",
    )?;
    let mut ada = Native::start(artifacts, "Ada", &server, "hello", 1)?;
    let (ids, _) = all_meet(
        &mut [&mut ada, &mut bob],
        LOAD_TIMEOUT,
        "the returned player and a friend meet",
    )?;
    all_see_movement(&mut [&mut ada, &mut bob], "each sees the other move")?;

    let leaving = Instant::now();
    bob.open(&server.index())?;
    wait_until(
        &mut [&mut ada],
        REMOVAL_TIMEOUT,
        "the friend removes the peer",
        |reports| !reports[0].lists(&ids[1]),
    )?;
    println!("   removed: {} ms", leaving.elapsed().as_millis());
    bob.back()?;
    let returned = Instant::now();
    all_meet(
        &mut [&mut ada, &mut bob],
        LOAD_TIMEOUT,
        "they meet again after the page has returned",
    )?;
    let took = returned.elapsed();
    println!("   {} cached the page: {}", bob.name(), is_restored(&bob)?);
    ensure!(
        took < RETURN_TIMEOUT || !is_restored(&bob)?,
        "the players took {took:?} to meet"
    );
    all_see_movement(&mut [&mut ada, &mut bob], "each sees the other move again")?;
    Ok(is_cached)
}

fn leave_and_return(server: &Server, bob: &mut Browser) -> anyhow::Result<bool> {
    bob.open(&server.index())?;
    thread::sleep(SECOND);
    bob.back()?;
    let is_cached = is_restored(bob)?;
    println!("   {} cached the page: {is_cached}", bob.name());
    Ok(is_cached)
}

fn is_restored(page: &Browser) -> anyhow::Result<bool> {
    Ok(page.run("return globalThis.isRestored ?? false")? == json!(true))
}

/// One player reloads the page repeatedly while the other one plays.
pub(super) fn reload_storm_ends_in_one_working_room(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, "hello", 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    let page = server.player("render=off&bot=2");
    bob.open(&page)?;
    all_meet(&mut [&mut ada, &mut bob], LOAD_TIMEOUT, "two meet")?;
    let reloads: u64 = if is_long_run() { 30 } else { 6 };
    for n in 0..reloads {
        bob.reload()?;
        // Some reloads interrupt loading, others the handshake.
        let pause = Duration::from_millis(n * 397 % 2300);
        watch(
            &mut [&mut ada],
            pause,
            "no player is listed twice during the reloads",
            |reports| {
                ensure!(reports[0].peers.len() <= 1, "a player is listed twice");
                Ok(())
            },
        )?;
    }
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    let (ids, _) = all_meet(both, LOAD_TIMEOUT, "they meet after the reloads")?;
    all_see_movement(both, "each sees the other move")?;
    watch(both, 5 * SECOND, "they stay together", |reports| {
        reports
            .iter()
            .try_for_each(|report| lists_exactly(report, &ids))
    })
}

/// Two tabs with the same page are two players.
pub(super) fn duplicate_tab_is_another_player(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, "hello", 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    let page = server.player("render=off&bot=2");
    bob.open(&page)?;
    let (ids, _) = all_meet(&mut [&mut ada, &mut bob], LOAD_TIMEOUT, "two meet")?;

    bob.open_in_front(&page)?;
    let three = wait_until(
        &mut [&mut ada, &mut bob],
        LOAD_TIMEOUT,
        "all three play",
        |reports| reports.iter().all(|report| report.plays_with(2)),
    )?;
    println!("   all three play: {} ms", three.as_millis());
    let started = Instant::now();
    loop {
        let report = bob.run("return globalThis.huddle ?? null")?;
        let report: Option<Report> = serde_json::from_value(report)?;
        if report.is_some_and(|report| report.plays_with(2)) {
            break;
        }
        ensure!(
            started.elapsed() < RETURN_TIMEOUT,
            "the second tab does not play"
        );
        thread::sleep(Duration::from_millis(50));
    }
    println!("   the first tab is hidden: {}", bob.is_hidden()?);

    bob.close_front()?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    let (after, _) = all_meet(both, RETURN_TIMEOUT, "the second tab's peer is removed")?;
    ensure!(after == ids, "ids have changed: {ids:?}, then {after:?}");
    all_see_movement(both, "the first tab continues to play")
}

/// The browser freezes a hidden page, as phones do.
pub(super) fn frozen_page_is_reported_and_resumes(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, "hello", 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.open(&server.player("render=off&bot=2"))?;
    let (ids, _) = all_meet(&mut [&mut ada, &mut bob], LOAD_TIMEOUT, "two meet")?;
    hide(&bob)?;

    bob.freeze(true).context("cannot freeze the page")?;
    let other: &mut [&mut dyn Player] = &mut [&mut ada];
    let took = wait_until(
        other,
        STOP_TIMEOUT,
        "the other player reports that the page is stopped",
        |reports| reports[0].peer(&ids[1]).is_some_and(|peer| peer.stopped),
    )?;
    println!("   a frozen page is reported: {} ms", took.as_millis());
    thread::sleep(if is_long_run() { 20 * SECOND } else { FROZEN });
    bob.freeze(false).context("cannot resume the page")?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    let took = wait_until(both, RETURN_TIMEOUT, "both continue to play", |reports| {
        reports
            .iter()
            .all(|report| report.plays_with(1) && report.peers.iter().all(|peer| !peer.stopped))
    })?;
    println!(
        "   continues to play {} ms after it resumes",
        took.as_millis()
    );
    let (after, _) = all_meet(both, SECOND, "both are connected")?;
    ensure!(after == ids, "ids have changed: {ids:?}, then {after:?}");
    all_see_movement(both, "each sees the other move")
}
