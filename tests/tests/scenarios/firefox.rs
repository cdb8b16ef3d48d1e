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
