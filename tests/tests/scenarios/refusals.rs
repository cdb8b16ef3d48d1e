//! Incompatible games.

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, Browser, Native, Page, Player, Server, wait_until};

use crate::{
    pictures::{SLOW_DRAWING, save_screenshot},
    steps::{LOAD_TIMEOUT, all_meet},
};

/// The additional messages of a game with a probe.
const DIFFERENCE: [&str; 2] = ["\"kit/numbered\"", "\"kit/shown\""];

pub(crate) fn incompatible_games_show_the_difference_on_both_screens(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::LARGE)?;
    let mut bob = Browser::chromium("Bob", Page::LARGE)?;
    ada.open(&server.player("bot=1&probe=10"))?;
    bob.open(&server.player("bot=2"))?;
    both_refuse(&mut [&mut ada, &mut bob])?;
    for page in [&mut ada, &mut bob] {
        page.wait_shown(SLOW_DRAWING)?;
    }
    save_screenshot(artifacts, &ada, "refused-ada")?;
    save_screenshot(artifacts, &bob, "refused-bob")?;

    // Compatible players still play.
    let mut cleo = Native::start(artifacts, "Cleo", &server, "hello", 3)?;
    only_compatible_players_meet(&mut [&mut ada, &mut bob, &mut cleo])?;
    all_meet(
        &mut [&mut bob, &mut cleo],
        LOAD_TIMEOUT,
        "the compatible players continue",
    )
    .map(drop)
}

fn both_refuse(players: &mut [&mut dyn Player]) -> anyhow::Result<()> {
    let mut texts = Vec::new();
    wait_until(
        players,
        LOAD_TIMEOUT,
        "both report the refusal",
        |reports| {
            texts = reports
                .iter()
                .map(|report| report.refusals.clone())
                .collect();
            texts.iter().all(|texts| !texts.is_empty())
        },
    )?;
    for text in &texts {
        let [text] = &text[..] else {
            anyhow::bail!("the refusal is not reported once: {text:?}");
        };
        println!("   refusal: {text}");
        for name in DIFFERENCE {
            ensure!(
                text.contains(name),
                "the text does not contain {name}: {text}"
            );
        }
    }
    wait_until(players, LOAD_TIMEOUT, "both continue to wait", |reports| {
        reports
            .iter()
            .all(|report| report.state == "waiting" && report.peers.is_empty())
    })
    .context("after the refusal")
    .map(drop)
}

fn only_compatible_players_meet(players: &mut [&mut dyn Player]) -> anyhow::Result<()> {
    wait_until(
        players,
        LOAD_TIMEOUT,
        "a new player meets only the compatible one",
        |reports| {
            reports[0].refusals.len() == 2
                && reports[0].peers.is_empty()
                && reports[1].plays_with(1)
                && reports[2].plays_with(1)
                && reports[2].refusals.len() == 1
        },
    )
    .map(drop)
}
