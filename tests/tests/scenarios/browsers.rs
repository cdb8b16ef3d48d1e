//! Games between browsers.

use std::time::Duration;

use anyhow::{bail, ensure};
use huddle_tests::{Artifacts, Browser, Page, Player, Server, wait_until, watch};

use crate::steps::{
    LOAD_TIMEOUT, all_measure_their_links, all_meet, all_see_movement, close_tab_and_check,
};

const RIGHT_ARROW: char = '\u{e014}';
const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn browsers_play_together(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::SMALL)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    ada.open(&server.player("render=off&bot=1"))?;
    wait_until(
        &mut [&mut ada],
        LOAD_TIMEOUT,
        "Ada waits alone",
        |reports| reports[0].state == "waiting",
    )?;
    bob.open(&server.player("render=off&bot=2"))?;
    wait_until(&mut [&mut bob], LOAD_TIMEOUT, "Bob's page reports", |_| {
        true
    })?;
    all_meet(
        &mut [&mut ada, &mut bob],
        5 * SECOND,
        "two pages meet after the second page's first report",
    )?;
    all_see_movement(&mut [&mut ada, &mut bob], "each sees the other move")?;
    all_measure_their_links(&mut [&mut ada, &mut bob], "direct")?;

    let mut cleo = Browser::chromium("Cleo", Page::SMALL)?;
    cleo.open(&server.player("render=off&bot=3"))?;
    wait_until(
        &mut [&mut cleo],
        LOAD_TIMEOUT,
        "Cleo's page reports",
        |_| true,
    )?;
    let (ids, _) = all_meet(
        &mut [&mut ada, &mut bob, &mut cleo],
        5 * SECOND,
        "a third page meets both",
    )?;
    all_see_movement(
        &mut [&mut ada, &mut bob, &mut cleo],
        "all three see each other move",
    )?;

    close_tab_and_check(cleo, &ids[2], &mut [&mut ada, &mut bob])?;
    all_meet(
        &mut [&mut ada, &mut bob],
        SECOND,
        "the two other players continue",
    )
    .map(drop)
}

pub(crate) fn key_presses_reach_the_other_page(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::SMALL)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    let page = server.player("render=off");
    ada.open(&page)?;
    bob.open(&page)?;
    let (ids, _) = all_meet(&mut [&mut ada, &mut bob], LOAD_TIMEOUT, "two pages meet")?;

    splashes(&mut ada, &mut bob)?;
    splashes(&mut bob, &mut ada)?;
    walks(&mut ada, &mut bob, &ids[0])?;
    walks(&mut bob, &mut ada, &ids[1])
}

/// Pressing a key sends exactly one splash, and no splash arrives without it.
fn splashes(by: &mut Browser, at: &mut Browser) -> anyhow::Result<()> {
    let before = events(at)?;
    watch(
        &mut [at],
        SECOND,
        "no splash arrives without a key",
        |reports| {
            ensure!(
                reports[0].events == before,
                "an event arrived without a key"
            );
            Ok(())
        },
    )?;
    by.press(' ', Duration::from_millis(60))?;
    let what = format!("{}'s splash arrives", by.name());
    let took = wait_until(&mut [at], 2 * SECOND, &what, |reports| {
        reports[0].events > before
    })?;
    println!(
        "   {what}: {} ms after the key was released",
        took.as_millis()
    );
    watch(
        &mut [at],
        SECOND / 2,
        "one splash is one event",
        |reports| {
            ensure!(
                reports[0].events == before + 1,
                "it arrived {} times",
                reports[0].events - before
            );
            Ok(())
        },
    )
}

/// The other player sees a walk to the right with the arrow key.
fn walks(by: &mut Browser, seen_by: &mut Browser, id: &str) -> anyhow::Result<()> {
    let mut start = None;
    wait_until(
        &mut [seen_by],
        2 * SECOND,
        "the other player has a position",
        |reports| {
            start = reports[0].position_of(id);
            start.is_some()
        },
    )?;
    let Some((from, _)) = start else {
        bail!("{} has no position", by.name());
    };
    by.press(RIGHT_ARROW, SECOND / 2)?;
    let what = format!("{}'s walk to the right is seen", by.name());
    wait_until(&mut [seen_by], 2 * SECOND, &what, |reports| {
        reports[0]
            .position_of(id)
            .is_some_and(|(x, _)| x > from + 5.0)
    })?;
    Ok(())
}

fn events(player: &mut dyn Player) -> anyhow::Result<u64> {
    let mut events = 0;
    wait_until(&mut [player], SECOND, "a report", |reports| {
        events = reports[0].events;
        true
    })?;
    Ok(events)
}
