//! Large transfers beside play.

use std::time::Duration;

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, Browser, Native, Page, Player, Server, wait_until};

use crate::steps::{LOAD, all_meet};

const ROOM: &str = "hello";
const LEN: u64 = 16 * 1024 * 1024;
/// Eight seconds of state alone, then the transfer.
const DONE: Duration = Duration::from_secs(60);
/// How much later state may arrive beside a transfer, in milliseconds, by the medians of one run.
const FELT: f64 = 20.0;

pub(crate) fn state_does_not_feel_a_transfer_to_a_browser(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let transfer = LEN.to_string();
    let settings = [("probe", "60"), ("transfer", transfer.as_str())];
    let mut ada = Native::measuring(artifacts, "Ada", &server, ROOM, 1, &settings)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.open(&server.player("render=off&bot=2&probe=60"))?;
    arrives_unfelt(&mut ada, &mut bob)
}

pub(crate) fn state_does_not_feel_a_transfer_to_a_native_player(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::SMALL)?;
    let page = format!("render=off&bot=1&probe=60&transfer={LEN}");
    ada.open(&server.player(&page))?;
    let probe = [("probe", "60")];
    let mut bob = Native::measuring(artifacts, "Bob", &server, ROOM, 2, &probe)?;
    arrives_unfelt(&mut ada, &mut bob)
}

/// What `from` sends arrives whole at `to`, and the state of `from` hardly later than before.
fn arrives_unfelt(from: &mut dyn Player, to: &mut dyn Player) -> anyhow::Result<()> {
    let (ids, _) = all_meet(&mut [&mut *from, &mut *to], LOAD, "they meet")?;
    let mut end = None;
    let what = "the transfer is at its end";
    wait_until(&mut [from, to], DONE, what, |reports| {
        end = reports[1].peer(&ids[0]).cloned();
        let transfer = end.as_ref().and_then(|peer| peer.transfer.as_ref());
        transfer.is_some_and(|transfer| transfer.intact.is_some())
    })?;
    let end = end.context("the sender is not there")?;
    let transfer = end.transfer.context("there is no transfer")?;
    ensure!(transfer.intact == Some(true), "it is not what was sent");
    ensure!(transfer.total == LEN, "{} bytes", transfer.total);
    ensure!(
        transfer.progress > 10,
        "progress {} times",
        transfer.progress
    );
    let [Some(quiet), Some(busy)] = end.delays_ms else {
        anyhow::bail!("no delays: {:?}", end.delays_ms);
    };
    println!(
        "   state after {quiet:.1} ms alone and {busy:.1} ms beside the transfer, progress told {} times",
        transfer.progress
    );
    ensure!(
        busy - quiet < FELT,
        "state came {:.1} ms later",
        busy - quiet
    );
    Ok(())
}
