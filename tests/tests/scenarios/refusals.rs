//! Games that do not fit.

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, Browser, Native, Page, Player, Server, wait_until};

use crate::{
    pictures::{SLOWLY, picture},
    steps::{LOAD, all_meet},
};

/// With a probe a game has two kinds of messages more.
const DIFFERENCE: [&str; 2] = ["\"kit/numbered\"", "\"kit/shown\""];

pub(crate) fn games_that_differ_say_how_on_both_screens(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::LARGE)?;
    let mut bob = Browser::chromium("Bob", Page::LARGE)?;
    ada.open(&server.player("bot=1&probe=10"))?;
    bob.open(&server.player("bot=2"))?;
    both_refuse(&mut [&mut ada, &mut bob])?;
    for page in [&mut ada, &mut bob] {
        page.wait_shown(SLOWLY)?;
    }
    picture(artifacts, &ada, "refused-ada")?;
    picture(artifacts, &bob, "refused-bob")?;

    // Whom it fits plays all the same.
    let mut cleo = Native::start(artifacts, "Cleo", &server, "hello", 3)?;
    all_meet_but_the_first(&mut [&mut ada, &mut bob, &mut cleo])?;
    all_meet(&mut [&mut bob, &mut cleo], LOAD, "the others play on").map(drop)
}

fn both_refuse(players: &mut [&mut dyn Player]) -> anyhow::Result<()> {
    let mut texts = Vec::new();
    wait_until(players, LOAD, "both are told", |reports| {
        texts = reports
            .iter()
            .map(|report| report.refusals.clone())
            .collect();
        texts.iter().all(|texts| !texts.is_empty())
    })?;
    for text in &texts {
        let [text] = &text[..] else {
            anyhow::bail!("told more than once: {text:?}");
        };
        println!("   told: {text}");
        for name in DIFFERENCE {
            ensure!(text.contains(name), "{name} is not named: {text}");
        }
    }
    wait_until(players, LOAD, "both wait on", |reports| {
        reports
            .iter()
            .all(|report| report.state == "waiting" && report.peers.is_empty())
    })
    .context("they refused each other")
    .map(drop)
}

fn all_meet_but_the_first(players: &mut [&mut dyn Player]) -> anyhow::Result<()> {
    wait_until(players, LOAD, "a newcomer meets whom it fits", |reports| {
        reports[0].refusals.len() == 2
            && reports[0].peers.is_empty()
            && reports[1].plays_with(1)
            && reports[2].plays_with(1)
            && reports[2].refusals.len() == 1
    })
    .map(drop)
}
