//! A machine that changes its address: one interface goes down, another comes up.

use std::{thread, time::Duration};

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, HostedPlayer, Platform, Player, Testbed, wait_until};

use crate::steps::{LOAD_TIMEOUT, all_meet, all_see_movement};

/// The maximum time until a link over the new address is open.
const REPLACEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time without a network, as on the way from a Wi-Fi to a mobile network.
const OFFLINE: Duration = Duration::from_secs(2);
/// The maximum time until play continues on the new network.
const MOVEMENT_TIMEOUT: Duration = Duration::from_secs(2);
/// The same for a page. Chromium on Linux announces changed addresses only 2 s after the last
/// change (`net/base/network_change_notifier_linux.cc`).
const MOVEMENT_TIMEOUT_IN_A_BROWSER: Duration = Duration::from_secs(2 + 2);
const VPN: Duration = Duration::from_secs(4);

pub(crate) fn link_is_replaced_after_an_address_change(
    artifacts: &Artifacts,
    moving: Platform,
    staying: Platform,
) -> anyhow::Result<()> {
    let testbed = Testbed::new(artifacts)?;
    let (mut ada, mut bob, ids) = start_playing(&testbed, moving, staying)?;
    let both: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player];

    let old = bob.host.interface();
    bob.host.add_interface()?;
    bob.host.take_down(&old)?;
    let took = wait_until(
        both,
        REPLACEMENT_TIMEOUT,
        "they have a new link",
        |reports| {
            reports
                .iter()
                .zip([&ids[1], &ids[0]])
                .all(|(report, other)| {
                    let peer = report.peer(other);
                    report.plays_with(1) && peer.is_some_and(|peer| peer.links >= 2)
                })
        },
    )?;
    println!(
        "   a new link after the change of address: {} ms",
        took.as_millis()
    );
    let (after, _) = all_meet(both, REPLACEMENT_TIMEOUT, "they continue to play")?;
    ensure!(after == ids, "ids have changed: {ids:?}, then {after:?}");
    all_see_movement(both, "each sees the other move again")
}

/// The new network comes up some time after the old one went down. Then the interface of a VPN
/// appears and disappears.
pub(crate) fn network_change_is_not_a_departure(
    artifacts: &Artifacts,
    moving: Platform,
    staying: Platform,
) -> anyhow::Result<()> {
    let testbed = Testbed::new(artifacts)?;
    let (mut ada, mut bob, ids) = start_playing(&testbed, moving, staying)?;
    let both: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player];

    let old = bob.host.interface();
    bob.host.take_down(&old)?;
    thread::sleep(OFFLINE);
    bob.host.add_interface()?;
    let took = wait_until(
        both,
        REPLACEMENT_TIMEOUT,
        "they play on the new network",
        |reports| {
            reports
                .iter()
                .zip([&ids[1], &ids[0]])
                .all(|(report, other)| {
                    let peer = report.peer(other);
                    peer.is_some_and(|peer| peer.links >= 2 && peer.state == "connected")
                })
        },
    )?;
    println!("   play continues after {} ms", took.as_millis());
    all_see_movement(both, "each sees the other move again")?;
    check_nobody_departed(both)?;
    let timeout = match moving {
        Platform::Native => MOVEMENT_TIMEOUT,
        Platform::Chromium | Platform::Firefox => MOVEMENT_TIMEOUT_IN_A_BROWSER,
    };
    ensure!(took <= timeout, "play continued only after {took:?}");

    let vpn = bob.host.add_interface()?;
    thread::sleep(VPN);
    all_see_movement(both, "each sees the other move with a VPN")?;
    bob.host.take_down(&vpn)?;
    thread::sleep(VPN);
    all_see_movement(both, "each sees the other move without the VPN")?;
    check_nobody_departed(both)
}

fn check_nobody_departed(players: &mut [&mut dyn Player]) -> anyhow::Result<()> {
    for player in players {
        let report = player.report()?.context("a report")?;
        ensure!(report.departed.is_empty(), "a peer departed: {report:?}");
    }
    Ok(())
}

/// Starts two players, and returns them with their ids once each sees the other move.
fn start_playing(
    testbed: &Testbed,
    moving: Platform,
    staying: Platform,
) -> anyhow::Result<(HostedPlayer, HostedPlayer, Vec<String>)> {
    let mut ada = testbed.add_player(staying, "Ada", 1)?;
    let mut bob = testbed.add_player(moving, "Bob", 2)?;
    let both: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player];
    let (ids, _) = all_meet(both, LOAD_TIMEOUT, "two meet")?;
    all_see_movement(both, "each sees the other move")?;
    Ok((ada, bob, ids))
}
