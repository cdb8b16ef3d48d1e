//! What is seen.

use std::time::Duration;

use anyhow::ensure;
use huddle_tests::{Artifacts, Browser, Page, Picture, Server, wait_until};

use crate::steps::{LOAD, all_meet};

/// A page without its game has one or two; smooth text alone has more than these.
const FEWEST_COLOURS: usize = 16;
/// Two pages drawn without a graphics card are slow.
pub(crate) const SLOWLY: Duration = Duration::from_secs(60);

pub(crate) fn screenshots_of_waiting_and_play(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::LARGE)?;
    ada.open(&server.player("bot=1"))?;
    wait_until(&mut [&mut ada], LOAD, "Ada waits alone", |reports| {
        reports[0].state == "waiting"
    })?;
    ada.wait_shown(SLOWLY)?;
    picture(artifacts, &ada, "waiting")?;

    let mut bob = Browser::chromium("Bob", Page::LARGE)?;
    bob.open(&server.player("bot=2"))?;
    all_meet(
        &mut [&mut ada, &mut bob],
        LOAD + SLOWLY,
        "two drawn pages meet",
    )?;
    bob.wait_shown(SLOWLY)?;
    picture(artifacts, &ada, "playing-ada")?;
    picture(artifacts, &bob, "playing-bob")
}

pub(crate) fn picture(artifacts: &Artifacts, browser: &Browser, name: &str) -> anyhow::Result<()> {
    let file = artifacts.screenshots.join(format!("{name}.png"));
    let colours = Picture::from_png(&browser.screenshot(&file)?)?.distinct_colors();
    println!("   {}: {colours} colours", file.display());
    ensure!(
        colours >= FEWEST_COLOURS,
        "{} shows nothing: {colours} colours",
        file.display()
    );
    Ok(())
}
