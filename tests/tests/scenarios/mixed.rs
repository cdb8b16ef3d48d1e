//! Native to native, and native to browser.

use std::time::Duration;

use huddle_tests::{Artifacts, Browser, Native, Page, Player, Server, wait_until};

use crate::steps::{LOAD, all_know_their_links, all_meet, all_see_movement, all_splash};

const MEETING: Duration = Duration::from_secs(6);
const ROOM: &str = "hello";

pub(crate) fn native_meets_native(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = Native::start(artifacts, "Bob", &server, ROOM, 2)?;
    play(&mut [&mut ada, &mut bob])
}

pub(crate) fn native_meets_browser(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.open(&server.player("render=off&bot=2"))?;
    wait_until(&mut [&mut bob], LOAD, "Bob's page reports", |_| true)?;
    play(&mut [&mut ada, &mut bob])
}

fn play(players: &mut [&mut dyn Player]) -> anyhow::Result<()> {
    all_meet(players, MEETING, "they meet")?;
    all_see_movement(players, "each sees the other move")?;
    all_know_their_links(players, "direct")?;
    all_splash(players)
}
