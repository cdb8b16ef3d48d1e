//! Killed peers.

use std::time::{Duration, Instant};

use anyhow::ensure;
use huddle_tests::{Artifacts, Browser, Native, Page, Player, Server, wait_until};

use crate::steps::{LOAD_TIMEOUT, all_meet};

/// The maximum time until a killed peer is removed, if the server reports that it left.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(4);
/// The same without a server: the reconnect timeout of eight seconds, and time for the report.
const REMOVAL_TIMEOUT_WITHOUT_SERVER: Duration = Duration::from_secs(9);
/// The maximum age of a native player's report.
const NATIVE_REPORTS: Duration = Duration::from_millis(150);
const ROOM: &str = "hello";

pub(crate) fn killed_peer_is_removed(artifacts: &Artifacts) -> anyhow::Result<()> {
    kill_a_native(artifacts, REMOVAL_TIMEOUT, |_| {})
}

pub(crate) fn killed_peer_is_removed_without_server(artifacts: &Artifacts) -> anyhow::Result<()> {
    kill_a_native(artifacts, REMOVAL_TIMEOUT_WITHOUT_SERVER, Server::kill)
}

pub(crate) fn killed_browser_is_removed(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = open(&server, "Bob", 2)?;
    let mut cleo = open(&server, "Cleo", 3)?;
    let (ids, _) = all_meet(
        &mut [&mut ada, &mut bob, &mut cleo],
        LOAD_TIMEOUT,
        "three meet",
    )?;
    let start = Instant::now();
    cleo.kill()?;
    is_removed(&ids[2], start, REMOVAL_TIMEOUT, &mut bob, &mut ada)
}

fn kill_a_native(
    artifacts: &Artifacts,
    gone: Duration,
    before: impl FnOnce(&mut Server),
) -> anyhow::Result<()> {
    let mut server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = Native::start(artifacts, "Bob", &server, ROOM, 2)?;
    let mut cleo = open(&server, "Cleo", 3)?;
    let (ids, _) = all_meet(
        &mut [&mut ada, &mut bob, &mut cleo],
        LOAD_TIMEOUT,
        "three meet",
    )?;
    before(&mut server);
    let start = Instant::now();
    bob.kill()?;
    is_removed(&ids[1], start, gone, &mut cleo, &mut ada)
}

fn open(server: &Server, name: &str, bot: u64) -> anyhow::Result<Browser> {
    let browser = Browser::chromium(name, Page::SMALL)?;
    browser.open(&server.player(&format!("render=off&bot={bot}")))?;
    Ok(browser)
}

/// Checks that the other players remove the killed peer, and stay connected.
fn is_removed(
    id: &str,
    start: Instant,
    gone: Duration,
    page: &mut dyn Player,
    native: &mut dyn Player,
) -> anyhow::Result<()> {
    let mut seen_by_page = None;
    wait_until(
        &mut [page, native],
        gone + NATIVE_REPORTS,
        "the killed peer is removed",
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
        "   removed in the page after {} ms, natively after at most {} ms",
        by_page.as_millis(),
        by_native.as_millis()
    );
    ensure!(by_page < gone, "the page listed it for {by_page:?}");
    ensure!(
        by_native < gone + NATIVE_REPORTS,
        "the native player listed it for {by_native:?}"
    );
    all_meet(
        &mut [page, native],
        Duration::from_secs(3),
        "the other players continue",
    )
    .map(drop)
}
