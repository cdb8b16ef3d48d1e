//! A machine that changes its network: one interface goes down, another comes up.

use std::time::Duration;

use anyhow::ensure;
use huddle_tests::{Artifacts, Platform, Player, Stage, wait_until};

use crate::steps::{LOAD, all_meet, all_see_movement};

const REPLACED: Duration = Duration::from_secs(10);

pub(crate) fn a_link_is_replaced_after_a_change_of_address(
    artifacts: &Artifacts,
    who_moves: Platform,
    who_stays: Platform,
) -> anyhow::Result<()> {
    let stage = Stage::new(artifacts)?;
    let mut ada = stage.seat(who_stays, "Ada", 1)?;
    let mut bob = stage.seat(who_moves, "Bob", 2)?;
    let both: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player];
    let (ids, _) = all_meet(both, LOAD, "two meet")?;
    all_see_movement(both, "each sees the other move")?;

    let old = bob.host.interface();
    bob.host.plug_in()?;
    bob.host.take_down(&old)?;
    let took = wait_until(both, REPLACED, "they have another link", |reports| {
        reports
            .iter()
            .zip([&ids[1], &ids[0]])
            .all(|(report, other)| {
                let peer = report.peer(other);
                report.plays_with(1) && peer.is_some_and(|peer| peer.links >= 2)
            })
    })?;
    println!(
        "   another link after a change of address: {} ms",
        took.as_millis()
    );
    let (after, _) = all_meet(both, REPLACED, "they play on")?;
    ensure!(after == ids, "ids have changed: {ids:?}, then {after:?}");
    all_see_movement(both, "each sees the other move again")
}
