//! Peers that vanish without a word.

use std::time::{Duration, Instant};

use anyhow::ensure;
use huddle_tests::{Artifacts, Browser, Native, Page, Player, Server, wait_until};

use crate::steps::{LOAD, all_meet};

/// How long a vanished peer may be listed.
const GONE: Duration = Duration::from_secs(4);
/// What a native player knows is up to that old when it is read.
const NATIVE_REPORTS: Duration = Duration::from_millis(150);
const ROOM: &str = "hello";

pub(crate) fn killed_peer_is_gone(artifacts: &Artifacts) -> anyhow::Result<()> {
    kill_a_native(artifacts, |_| {})
}

pub(crate) fn killed_peer_is_gone_without_server(artifacts: &Artifacts) -> anyhow::Result<()> {
    kill_a_native(artifacts, Server::kill)
}

pub(crate) fn killed_browser_is_gone(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = open(&server, "Bob", 2)?;
    let mut cleo = open(&server, "Cleo", 3)?;
    let (ids, _) = all_meet(&mut [&mut ada, &mut bob, &mut cleo], LOAD, "three meet")?;
    let start = Instant::now();
    cleo.kill()?;
    is_gone(&ids[2], start, &mut bob, &mut ada)
}

fn kill_a_native(artifacts: &Artifacts, before: impl FnOnce(&mut Server)) -> anyhow::Result<()> {
    let mut server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = Native::start(artifacts, "Bob", &server, ROOM, 2)?;
    let mut cleo = open(&server, "Cleo", 3)?;
    let (ids, _) = all_meet(&mut [&mut ada, &mut bob, &mut cleo], LOAD, "three meet")?;
    before(&mut server);
    let start = Instant::now();
    bob.kill()?;
    is_gone(&ids[1], start, &mut cleo, &mut ada)
}

fn open(server: &Server, name: &str, bot: u64) -> anyhow::Result<Browser> {
    let browser = Browser::chromium(name, Page::SMALL)?;
    browser.open(&server.player(&format!("render=off&bot={bot}")))?;
    Ok(browser)
}

/// The others no longer list it, and still list each other.
fn is_gone(
    id: &str,
    start: Instant,
    page: &mut dyn Player,
    native: &mut dyn Player,
) -> anyhow::Result<()> {
    let mut seen_by_page = None;
    wait_until(
        &mut [page, native],
        GONE + NATIVE_REPORTS,
        "the killed peer is gone",
        |reports| {
            if seen_by_page.is_none() && !reports[0].lists(id) {
                seen_by_page = Some(start.elapsed());
            }
            reports.iter().all(|report| !report.lists(id))
        },
    )?;
    let by_native = start.elapsed();
    let by_page = seen_by_page.unwrap_or(by_native);
    println!(
        "   gone in the page: {} ms, natively: {} ms or less",
        by_page.as_millis(),
        by_native.as_millis()
    );
    ensure!(by_page < GONE, "the page listed it for {by_page:?}");
    ensure!(
        by_native < GONE + NATIVE_REPORTS,
        "the native player listed it for {by_native:?}"
    );
    all_meet(
        &mut [page, native],
        Duration::from_secs(3),
        "the others play on",
    )
    .map(drop)
}
