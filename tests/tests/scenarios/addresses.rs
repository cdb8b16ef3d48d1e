//! A machine that changes its address: one interface goes down, another comes up.

use std::time::Duration;

use anyhow::ensure;
use huddle_tests::{Artifacts, Platform, Player, Testbed, wait_until};

use crate::steps::{LOAD, all_meet, all_see_movement};

/// The maximum time until a link over the new address is open.
const REPLACED: Duration = Duration::from_secs(10);

pub(crate) fn link_is_replaced_after_an_address_change(
    artifacts: &Artifacts,
    moving: Platform,
    staying: Platform,
) -> anyhow::Result<()> {
    let testbed = Testbed::new(artifacts)?;
    let mut ada = testbed.add_player(staying, "Ada", 1)?;
    let mut bob = testbed.add_player(moving, "Bob", 2)?;
    let both: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player];
    let (ids, _) = all_meet(both, LOAD, "two meet")?;
    all_see_movement(both, "each sees the other move")?;

    let old = bob.host.interface();
    bob.host.add_interface()?;
    bob.host.take_down(&old)?;
    let took = wait_until(both, REPLACED, "they have a new link", |reports| {
        reports
            .iter()
            .zip([&ids[1], &ids[0]])
            .all(|(report, other)| {
                let peer = report.peer(other);
                report.plays_with(1) && peer.is_some_and(|peer| peer.links >= 2)
            })
    })?;
    println!(
        "   a new link after the change of address: {} ms",
        took.as_millis()
    );
    let (after, _) = all_meet(both, REPLACED, "they continue to play")?;
    ensure!(after == ids, "ids have changed: {ids:?}, then {after:?}");
    all_see_movement(both, "each sees the other move again")
}
