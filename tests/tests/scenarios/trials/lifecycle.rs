//! What players do to pages: back and forth, reload, open it twice, leave it in a pocket.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, Browser, Native, Page, Player, Report, Server, wait_until, watch};
use serde_json::json;

use super::background::hide;
use crate::steps::{LOAD, all_meet, all_see_movement, lists_exactly, long};

const SECOND: Duration = Duration::from_secs(1);
/// From the page's return.
const BACK: Duration = Duration::from_secs(5);
const GOODBYE: Duration = Duration::from_secs(1);
/// A game that stops says so at once.
const STOPPED: Duration = Duration::from_millis(600);
const FROZEN: Duration = Duration::from_secs(2);

/// Whether the page came from the back/forward cache.
const REMEMBER: &str =
    "addEventListener('pageshow', (event) => { globalThis.cameBack = event.persisted; })";

pub(super) fn back_button_rejoins_the_room(artifacts: &Artifacts) -> anyhow::Result<()> {
    let bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.run_before_pages(REMEMBER)?;
    let kept = back_and_forth(artifacts, bob)?;
    ensure!(kept, "Chromium did not keep the page, so nothing was tried");
    Ok(())
}

pub(super) fn back_button_rejoins_the_room_in_firefox(artifacts: &Artifacts) -> anyhow::Result<()> {
    back_and_forth(artifacts, Browser::firefox("Bob", Page::SMALL)?).map(drop)
}

/// Leaves the page alone in the room, and in play; returns whether the browser kept it.
fn back_and_forth(artifacts: &Artifacts, mut bob: Browser) -> anyhow::Result<bool> {
    let server = Server::start(artifacts)?;
    bob.open(&server.player("render=off&bot=2"))?;
    wait_until(&mut [&mut bob], LOAD, "Bob waits", |reports| {
        reports[0].state == "waiting"
    })?;
    let kept = leave_and_return(&server, &mut bob)?;
    wait_until(&mut [&mut bob], LOAD, "Bob waits again", |reports| {
        reports[0].state == "waiting"
    })?;
    let mut ada = Native::start(artifacts, "Ada", &server, "hello", 1)?;
    let (ids, _) = all_meet(
        &mut [&mut ada, &mut bob],
        LOAD,
        "a friend finds who returned",
    )?;
    all_see_movement(&mut [&mut ada, &mut bob], "each sees the other move")?;

    let leaving = Instant::now();
    bob.open(&server.index())?;
    wait_until(
        &mut [&mut ada],
        GOODBYE,
        "the friend sees it leave",
        |reports| !reports[0].lists(&ids[1]),
    )?;
    println!("   gone: {} ms", leaving.elapsed().as_millis());
    bob.back()?;
    let returned = Instant::now();
    all_meet(
        &mut [&mut ada, &mut bob],
        LOAD,
        "they meet again when it returns",
    )?;
    let took = returned.elapsed();
    println!("   {} kept the page: {}", bob.name(), came_back(&bob)?);
    ensure!(took < BACK || !came_back(&bob)?, "that took {took:?}");
    all_see_movement(&mut [&mut ada, &mut bob], "each sees the other move again")?;
    Ok(kept)
}

fn leave_and_return(server: &Server, bob: &mut Browser) -> anyhow::Result<bool> {
    bob.open(&server.index())?;
    thread::sleep(SECOND);
    bob.back()?;
    let kept = came_back(bob)?;
    println!("   {} kept the page: {kept}", bob.name());
    Ok(kept)
}

fn came_back(page: &Browser) -> anyhow::Result<bool> {
    Ok(page.run("return globalThis.cameBack ?? false")? == json!(true))
}

/// Somebody reloads like mad while another plays.
pub(super) fn reload_storm_ends_in_one_working_room(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, "hello", 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    let page = server.player("render=off&bot=2");
    bob.open(&page)?;
    all_meet(&mut [&mut ada, &mut bob], LOAD, "two meet")?;
    let reloads: u64 = if long() { 30 } else { 6 };
    for n in 0..reloads {
        bob.reload()?;
        // Sometimes before the game has loaded, sometimes in the middle of the handshake.
        let pause = Duration::from_millis(n * 397 % 2300);
        watch(&mut [&mut ada], pause, "a storm of reloads", |reports| {
            ensure!(reports[0].peers.len() <= 1, "one player is there twice");
            Ok(())
        })?;
    }
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    let (ids, _) = all_meet(both, LOAD, "they meet after the storm")?;
    all_see_movement(both, "each sees the other move")?;
    watch(both, 5 * SECOND, "and stay together", |reports| {
        reports
            .iter()
            .try_for_each(|report| lists_exactly(report, &ids))
    })
}

/// The same page in two tabs, one in front of the other, is two players.
pub(super) fn duplicate_tab_is_another_player(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, "hello", 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    let page = server.player("render=off&bot=2");
    bob.open(&page)?;
    let (ids, _) = all_meet(&mut [&mut ada, &mut bob], LOAD, "two meet")?;

    bob.open_over(&page)?;
    let three = wait_until(
        &mut [&mut ada, &mut bob],
        LOAD,
        "all are three",
        |reports| reports.iter().all(|report| report.plays_with(2)),
    )?;
    println!("   three players: {} ms", three.as_millis());
    let started = Instant::now();
    loop {
        let report = bob.run("return globalThis.huddle ?? null")?;
        let report: Option<Report> = serde_json::from_value(report)?;
        if report.is_some_and(|report| report.plays_with(2)) {
            break;
        }
        ensure!(started.elapsed() < BACK, "the second tab does not play");
        thread::sleep(Duration::from_millis(50));
    }
    println!("   the first tab is hidden: {}", bob.is_hidden()?);

    bob.close_over()?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    let (after, _) = all_meet(both, BACK, "the second tab is gone")?;
    ensure!(after == ids, "ids have changed: {ids:?}, then {after:?}");
    all_see_movement(both, "the first tab plays on")
}

/// The browser stops a hidden page, as phones do in a pocket.
pub(super) fn frozen_page_is_reported_and_plays_on(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, "hello", 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.open(&server.player("render=off&bot=2"))?;
    let (ids, _) = all_meet(&mut [&mut ada, &mut bob], LOAD, "two meet")?;
    hide(&bob)?;

    bob.freeze(true).context("cannot freeze the page")?;
    let others: &mut [&mut dyn Player] = &mut [&mut ada];
    let told = wait_until(
        others,
        STOPPED,
        "the other knows that it stopped",
        |reports| reports[0].peer(&ids[1]).is_some_and(|peer| peer.stopped),
    )?;
    println!("   a frozen page is reported: {} ms", told.as_millis());
    thread::sleep(if long() { 20 * SECOND } else { FROZEN });
    bob.freeze(false).context("cannot wake the page")?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    let took = wait_until(both, BACK, "both play on", |reports| {
        reports
            .iter()
            .all(|report| report.plays_with(1) && report.peers.iter().all(|peer| !peer.stopped))
    })?;
    println!("   plays on: {} ms after waking", took.as_millis());
    let (after, _) = all_meet(both, SECOND, "both are well")?;
    ensure!(after == ids, "ids have changed: {ids:?}, then {after:?}");
    all_see_movement(both, "each sees the other move")
}
