//! Two rendered pages whose CPU is throttled to a sixth of its speed.

use std::time::Duration;

use huddle_tests::{Artifacts, Browser, Page, Player, Server, wait_until};

use crate::steps::{LOAD_TIMEOUT, all_meet};

const FACTOR: u32 = 6;
/// The maximum time in which a slow page renders a frame.
const REDRAW_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum time until the players meet. Link attempts take longer on a slow machine.
const MEETING_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn rendered_pages_meet_on_a_slow_machine(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::SMALL)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    // The pages load at full speed, because a slow browser does not respond to the driver while it
    // loads.
    ada.open(&server.player("bot=1"))?;
    wait_until(&mut [&mut ada], LOAD_TIMEOUT, "Ada waits", |reports| {
        reports[0].state == "waiting"
    })?;
    ada.slow_down(FACTOR)?;
    bob.open(&server.player("bot=2"))?;
    wait_until(&mut [&mut bob], LOAD_TIMEOUT, "Bob reports", |_| true)?;
    bob.slow_down(FACTOR)?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    all_meet(both, MEETING_TIMEOUT, "two slow pages meet")?;
    wait_until(
        both,
        REDRAW_TIMEOUT,
        "no message about a failed link is visible",
        |reports| {
            let mut messages = reports.iter().flat_map(|report| &report.texts);
            messages.all(|message| !message.contains("wants to join"))
        },
    )
    .map(drop)
}
