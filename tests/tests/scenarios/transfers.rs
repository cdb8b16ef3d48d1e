//! Large transfers during a game.

use std::time::Duration;

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, Browser, Native, Page, Player, Server, wait_until};

use crate::steps::{LOAD_TIMEOUT, all_meet};

const ROOM: &str = "hello";
const LEN: u64 = 16 * 1024 * 1024;
/// The transfer starts after eight seconds.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(60);
/// The tolerated difference of the median delays of state, with and without a transfer, in
/// milliseconds.
const ADDED_DELAY: f64 = 20.0;

pub(crate) fn transfer_to_a_browser_does_not_delay_state(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let transfer = LEN.to_string();
    let settings = [("probe", "60"), ("transfer", transfer.as_str())];
    let mut ada = Native::measuring(artifacts, "Ada", &server, ROOM, 1, &settings)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.open(&server.player("render=off&bot=2&probe=60"))?;
    transfer_without_delay(&mut ada, &mut bob)
}

pub(crate) fn transfer_to_a_native_player_does_not_delay_state(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::SMALL)?;
    let page = format!("render=off&bot=1&probe=60&transfer={LEN}");
    ada.open(&server.player(&page))?;
    let probe = [("probe", "60")];
    let mut bob = Native::measuring(artifacts, "Bob", &server, ROOM, 2, &probe)?;
    transfer_without_delay(&mut ada, &mut bob)
}

/// Checks that the transfer arrives intact, and that it hardly delays the sender's state.
fn transfer_without_delay(from: &mut dyn Player, to: &mut dyn Player) -> anyhow::Result<()> {
    let (ids, _) = all_meet(&mut [&mut *from, &mut *to], LOAD_TIMEOUT, "they meet")?;
    let mut end = None;
    let what = "the transfer ends";
    wait_until(&mut [from, to], TRANSFER_TIMEOUT, what, |reports| {
        end = reports[1].peer(&ids[0]).cloned();
        let transfer = end.as_ref().and_then(|peer| peer.transfer.as_ref());
        transfer.is_some_and(|transfer| transfer.intact.is_some())
    })?;
    let end = end.context("the sender is not listed")?;
    let transfer = end.transfer.context("the report has no transfer")?;
    ensure!(
        transfer.intact == Some(true),
        "the received bytes differ from the sent ones"
    );
    ensure!(transfer.total == LEN, "{} bytes", transfer.total);
    ensure!(
        transfer.progress > 10,
        "only {} progress events",
        transfer.progress
    );
    let [Some(quiet), Some(busy)] = end.delays_ms else {
        anyhow::bail!("no delays: {:?}", end.delays_ms);
    };
    println!(
        "   delay of state: {quiet:.1} ms before and {busy:.1} ms during the transfer; {} progress events",
        transfer.progress
    );
    ensure!(
        busy - quiet < ADDED_DELAY,
        "the transfer delayed state by {:.1} ms",
        busy - quiet
    );
    Ok(())
}
