//! Firefox with other browsers and native players.

use std::time::Duration;

use huddle_tests::{Artifacts, Browser, Native, Page, Player, Server, wait_until};

use crate::pictures::save_screenshot;
use crate::steps::{
    LOAD_TIMEOUT, all_measure_their_links, all_meet, all_receive_splashes, all_see_movement,
    close_tab_and_check,
};

/// The maximum time from the last player's first report to the meeting of all players.
const MEETING_TIMEOUT: Duration = Duration::from_secs(5);
const ROOM: &str = "hello";

pub(crate) fn firefox_joins_chromium(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = waiting(Browser::chromium("Ada", Page::SMALL)?, &server)?;
    let mut bob = Browser::firefox("Bob", Page::SMALL)?;
    bob.open(&page(&server, 2))?;
    wait_until(&mut [&mut bob], LOAD_TIMEOUT, "Firefox reports", |_| true)?;
    let ids = play(&mut [&mut ada, &mut bob])?;
    close_tab_and_check(bob, &ids[1], &mut [&mut ada])
}

pub(crate) fn chromium_joins_firefox(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = waiting(Browser::firefox("Ada", Page::SMALL)?, &server)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.open(&page(&server, 2))?;
    wait_until(&mut [&mut bob], LOAD_TIMEOUT, "Chromium reports", |_| true)?;
    let ids = play(&mut [&mut ada, &mut bob])?;
    close_tab_and_check(bob, &ids[1], &mut [&mut ada])
}

pub(crate) fn four_players_on_mixed_platforms_meet(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::SMALL)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    let mut cleo = Browser::firefox("Cleo", Page::SMALL)?;
    for (browser, bot) in [(&ada, 1), (&bob, 2), (&cleo, 3)] {
        browser.open(&page(&server, bot))?;
    }
    let mut dora = Native::start(artifacts, "Dora", &server, ROOM, 4)?;
    let players: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut cleo, &mut dora];
    wait_until(players, LOAD_TIMEOUT, "all four report", |_| true)?;
    play(players).map(drop)
}

/// Two pages in Chromium, one in Firefox and a native game move, and then rest. All of them draw every
/// player at the same place.
pub(crate) fn positions_agree_after_rest(artifacts: &Artifacts) -> anyhow::Result<()> {
    /// The step of a position in `hello`.
    const QUANTUM: f64 = 0.05;
    /// Seconds from the start of each program.
    const REST: &str = "20";
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::SMALL)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    let mut cleo = Browser::firefox("Cleo", Page::SMALL)?;
    for (browser, bot) in [(&ada, 1), (&bob, 2), (&cleo, 3)] {
        browser.open(&server.player(&format!("render=off&bot={bot}&rest_after={REST}")))?;
    }
    let rest = ["--rest-after", REST];
    let mut dora = Native::start_with(artifacts, "Dora", &server, ROOM, 4, &rest)?;
    let players: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut cleo, &mut dora];
    wait_until(players, LOAD_TIMEOUT, "all four report", |_| true)?;
    let (ids, _) = all_meet(players, MEETING_TIMEOUT, "they meet")?;
    let mut before = Vec::new();
    let mut moved = 0;
    let took = wait_until(
        players,
        Duration::from_secs(60),
        "all players rest, and every screen shows each of them at the same place",
        |reports| {
            let positions = |id: &String| -> Vec<_> {
                let positions = reports.iter().filter_map(|report| report.position_of(id));
                positions.collect()
            };
            let now: Vec<Vec<(f64, f64)>> = ids.iter().map(positions).collect();
            let is_rest = now == before;
            moved += usize::from(!is_rest && !before.is_empty());
            before = now;
            let agrees = |of: &Vec<(f64, f64)>| {
                let is_near = |a: f64, b: f64| (a - b).abs() <= QUANTUM + 1e-3;
                of.len() == ids.len()
                    && of
                        .iter()
                        .all(|at| is_near(at.0, of[0].0) && is_near(at.1, of[0].1))
            };
            is_rest && moved > 3 && before.iter().all(agrees)
        },
    )?;
    println!("   all rest and agree after {} ms", took.as_millis());
    Ok(())
}

pub(crate) fn firefox_draws_the_game(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::firefox("Ada", Page::LARGE)?;
    ada.open(&server.player("bot=1"))?;
    ada.wait_shown(LOAD_TIMEOUT)?;
    save_screenshot(artifacts, &ada, "firefox")
}

/// Returns the URL of a page with a bot.
fn page(server: &Server, bot: u64) -> String {
    server.player(&format!("render=off&bot={bot}"))
}

fn waiting(mut browser: Browser, server: &Server) -> anyhow::Result<Browser> {
    browser.open(&page(server, 1))?;
    wait_until(
        &mut [&mut browser],
        LOAD_TIMEOUT,
        "the first player waits",
        |reports| reports[0].state == "waiting",
    )?;
    Ok(browser)
}

fn play(players: &mut [&mut dyn Player]) -> anyhow::Result<Vec<String>> {
    let what = "they meet after the last player's first report";
    let (ids, _) = all_meet(players, MEETING_TIMEOUT, what)?;
    all_see_movement(players, "each sees the other players move")?;
    all_measure_their_links(players, "direct")?;
    all_receive_splashes(players)?;
    Ok(ids)
}
