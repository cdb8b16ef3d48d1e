//! Screenshots.

use std::time::Duration;

use anyhow::ensure;
use huddle_tests::{Artifacts, Browser, Page, Picture, Server, wait_until};

use crate::steps::{LOAD_TIMEOUT, all_meet};

/// The fewest colors of a drawn game. Antialiased text alone has more, and an empty page has one or
/// two.
const FEWEST_COLORS: usize = 16;
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
