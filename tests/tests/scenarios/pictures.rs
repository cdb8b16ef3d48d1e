//! Screenshots.

use std::time::Duration;

use anyhow::ensure;
use huddle_tests::{Artifacts, Browser, Frozen, Page, Picture, Player, Report, Server, wait_until};

use crate::steps::{LOAD_TIMEOUT, all_meet};

/// The fewest colors of a drawn game. Antialiased text alone has more, and an empty page has one or
/// two.
const FEWEST_COLORS: usize = 16;
/// The keys in the notation of WebDriver.
const ENTER: char = '\u{E006}';
const ESCAPE: char = '\u{E00C}';
const SHORT_PRESS: Duration = Duration::from_millis(500);
/// The time for drawing without a graphics card.
pub(crate) const SLOW_DRAWING: Duration = Duration::from_secs(60);

pub(crate) fn pages_are_drawn_while_waiting_and_playing(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::LARGE)?;
    ada.open(&server.player("bot=1"))?;
    wait_until(
        &mut [&mut ada],
        LOAD_TIMEOUT,
        "Ada waits alone",
        |reports| reports[0].state == "waiting",
    )?;
    ada.wait_shown(SLOW_DRAWING)?;
    save_screenshot(artifacts, &ada, "waiting")?;

    let mut bob = Browser::chromium("Bob", Page::LARGE)?;
    bob.open(&server.player("bot=2"))?;
    all_meet(
        &mut [&mut ada, &mut bob],
        LOAD_TIMEOUT + SLOW_DRAWING,
        "two drawn pages meet",
    )?;
    bob.wait_shown(SLOW_DRAWING)?;
    save_screenshot(artifacts, &ada, "playing-ada")?;
    save_screenshot(artifacts, &bob, "playing-bob")
}

/// A player on a desktop and a bot on a phone play a round of `duel`: the lobby with the invitation, the lobby with both
/// players, the countdown, the fight, the lobby of a player that has left, and a match that waits for a player.
pub(crate) fn duel_is_drawn_on_a_desktop_and_a_phone(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::LARGE)?;
    ada.open(&server.player("game=duel"))?;
    wait_until(
        &mut [&mut ada],
        LOAD_TIMEOUT,
        "Ada waits alone",
        |reports| reports[0].state == "waiting",
    )?;
    ada.wait_shown(SLOW_DRAWING)?;
    save_screenshot(artifacts, &ada, "duel-invitation")?;

    let mut bob = Browser::chromium("Bob", Page::PHONE)?;
    bob.open(&server.player("game=duel&bot=2"))?;
    all_meet(
        &mut [&mut ada, &mut bob],
        LOAD_TIMEOUT + SLOW_DRAWING,
        "two drawn pages meet",
    )?;
    bob.wait_shown(SLOW_DRAWING)?;
    save_screenshot(artifacts, &ada, "duel-lobby")?;
    save_screenshot(artifacts, &bob, "duel-lobby-phone")?;
    ada.press(ENTER, SHORT_PRESS)?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    wait_until(both, SLOW_DRAWING, "the match starts", |reports| {
        reports.iter().all(|report| report.duel_match().seats == 2)
    })?;
    save_screenshot(artifacts, &ada, "duel-match")?;
    save_screenshot(artifacts, &bob, "duel-match-phone")?;
    ada.press(ESCAPE, SHORT_PRESS)?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    wait_until(both, SLOW_DRAWING, "the match is over", |reports| {
        let is_over = |text: &String| text.ends_with("wins!");
        reports[0].duel_match().seats == 0 && reports[1].texts.iter().any(is_over)
    })?;
    save_screenshot(artifacts, &ada, "duel-left")?;
    save_screenshot(artifacts, &bob, "duel-won-phone")?;
    ada.press(ENTER, SHORT_PRESS)?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    wait_until(both, SLOW_DRAWING, "the next match starts", |reports| {
        let starts = |report: &Report| report.duel_match().confirmed_tick > 30;
        reports
            .iter()
            .all(|report| report.duel_match().seats == 2 && starts(report))
    })?;
    let frozen = Frozen::new(&bob)?;
    wait_until(
        &mut [&mut ada],
        SLOW_DRAWING,
        "Ada waits for Bob",
        |reports| {
            let waits = |text: &String| text.starts_with("Waiting for");
            reports[0].texts.iter().any(waits)
        },
    )?;
    save_screenshot(artifacts, &ada, "duel-waiting")?;
    drop(frozen);
    Ok(())
}

/// Saves a screenshot, and checks that it shows more than an empty page.
pub(crate) fn save_screenshot(
    artifacts: &Artifacts,
    browser: &Browser,
    name: &str,
) -> anyhow::Result<()> {
    let file = artifacts.screenshots.join(format!("{name}.png"));
    let colors = Picture::from_png(&browser.screenshot(&file)?)?.distinct_colors();
    println!("   {}: {colors} colors", file.display());
    ensure!(
        colors >= FEWEST_COLORS,
        "{} shows nothing: {colors} colors",
        file.display()
    );
    Ok(())
}
