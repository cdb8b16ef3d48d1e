//! Cables that are cut and healed.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, Past, Platform, Player, Report, Stage, wait_until, watch};

use crate::steps::{LOAD, all_meet, all_see_movement, lists_exactly};

const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(20);
/// A second of silence is suspicion, and a report may be a tenth of a second old.
const UNRESPONSIVE: Duration = Duration::from_millis(1500);
const LOST: Duration = Duration::from_secs(5);
const REPLACED: Duration = Duration::from_secs(10);
const RECOVERED: Duration = Duration::from_secs(3);
/// Everybody reports more often than that.
const NEXT_REPORT: Duration = Duration::from_millis(500);
/// Keep-alives of the signaling connection go unanswered for longer than it takes to notice.
const WITHOUT_SERVER: Duration = Duration::from_secs(20);

/// The ways of both players to the server are cut, and heal.
pub(crate) fn a_lost_websocket_costs_nobody_a_link(artifacts: &Artifacts) -> anyhow::Result<()> {
    let stage = Stage::new(artifacts)?;
    let mut ada = stage.seat(Platform::Native, "Ada", 1)?;
    let mut bob = stage.seat(Platform::Chromium, "Bob", 2)?;
    let both: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player];
    let (ids, _) = all_meet(both, LOAD, "two meet")?;

    for host in [&ada.host, &bob.host] {
        stage.lab.cut(host, &stage.server_host);
    }
    watch(both, WITHOUT_SERVER, "they play on", |reports| {
        reports.iter().try_for_each(|report| {
            ensure!(report.plays_with(1), "somebody is missing: {report:?}");
            ensure!(report.peers[0].links == 1, "a good link was replaced");
            lists_exactly(report, &ids)
        })
    })?;
    for host in [&ada.host, &bob.host] {
        stage.lab.heal(host, &stage.server_host);
    }
    let healed = Instant::now();
    // Only who is back at the server can be found.
    let mut cleo = stage.seat(Platform::Native, "Cleo", 3)?;
    let all: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player, &mut *cleo.player];
    let (after, _) = all_meet(all, LOAD, "a newcomer finds both")?;
    println!("   after healing: {} ms", healed.elapsed().as_millis());
    ensure!(after[..2] == ids[..], "ids have changed");
    watch(all, SHORT, "each is there once", |reports| {
        ensure!(
            reports[0].peer(&ids[1]).is_some_and(|peer| peer.links == 1),
            "a good link was replaced"
        );
        reports
            .iter()
            .try_for_each(|report| lists_exactly(report, &after))
    })
}

/// Two seconds: unresponsive, then fine again.
pub(crate) fn a_short_cut_is_survived(
    artifacts: &Artifacts,
    a: Platform,
    b: Platform,
) -> anyhow::Result<()> {
    let stage = Stage::new(artifacts)?;
    let mut ada = stage.seat(a, "Ada", 1)?;
    let mut bob = stage.seat(b, "Bob", 2)?;
    let both: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player];
    let (ids, _) = all_meet(both, LOAD, "two meet")?;
    stage.lab.cut(&ada.host, &bob.host);
    let start = Instant::now();
    let unresponsive = wait_until(
        both,
        UNRESPONSIVE,
        "both see the other as unresponsive",
        |reports| {
            reports
                .iter()
                .all(|report| report.peers.iter().any(|peer| peer.state == "unresponsive"))
        },
    )?;
    watch(
        both,
        SHORT.saturating_sub(start.elapsed()),
        "nobody is lost",
        |reports| {
            reports
                .iter()
                .try_for_each(|report| lists_exactly(report, &ids))
        },
    )?;
    stage.lab.heal(&ada.host, &bob.host);
    let recovered = wait_until(both, RECOVERED, "both are fine again", |reports| {
        reports.iter().all(|report| report.plays_with(1))
    })?;
    println!(
        "   unresponsive after {} ms, fine {} ms after healing",
        unresponsive.as_millis(),
        recovered.as_millis()
    );
    all_see_movement(both, "each sees the other move")?;
    wait_until(
        both,
        NEXT_REPORT,
        "nobody was lost, and events are in order",
        |reports| {
            reports.iter().all(|report| {
                report.past.is_empty() && report.peers.iter().all(|peer| peer.events_in_order)
            })
        },
    )
    .map(drop)
}

/// Twenty seconds: lost, and back under the same identity.
pub(crate) fn a_long_cut_is_healed(
    artifacts: &Artifacts,
    a: Platform,
    b: Platform,
) -> anyhow::Result<()> {
    let stage = Stage::new(artifacts)?;
    let mut ada = stage.seat(a, "Ada", 1)?;
    let mut bob = stage.seat(b, "Bob", 2)?;
    let mut cleo = stage.seat(Platform::Native, "Cleo", 3)?;
    let three: &mut [&mut dyn Player] =
        &mut [&mut *ada.player, &mut *bob.player, &mut *cleo.player];
    let (ids, _) = all_meet(three, LOAD, "three meet")?;
    stage.lab.cut(&ada.host, &bob.host);
    let start = Instant::now();
    let lost = wait_until(three, LOST, "the two lose each other", |reports| {
        !reports[0].lists(&ids[1]) && !reports[1].lists(&ids[0])
    })?;
    watch(
        three,
        LONG.saturating_sub(start.elapsed()),
        "the third one keeps both",
        |reports| {
            lists_exactly(&reports[2], &ids)?;
            ensure!(
                reports[2].peers.iter().all(|peer| peer.links == 1),
                "a good link was replaced"
            );
            Ok(())
        },
    )?;
    stage.lab.heal(&ada.host, &bob.host);
    let (after, healed) = all_meet(three, REPLACED, "all see all again")?;
    println!(
        "   lost after {} ms, back {} ms after healing",
        lost.as_millis(),
        healed.as_millis()
    );
    ensure!(after == ids, "ids have changed: {ids:?}, then {after:?}");
    all_see_movement(three, "each sees the others move")?;
    let mut reports = Vec::new();
    thread::sleep(NEXT_REPORT);
    wait_until(three, NEXT_REPORT, "all report", |now| {
        reports = now.to_vec();
        true
    })?;
    for (from, to) in [(0, 1), (1, 0)] {
        accounted(&reports[from], &ids[to], &reports[to], &ids[from])?;
    }
    ensure!(
        reports
            .iter()
            .flat_map(|report| &report.peers)
            .all(|peer| peer.events_in_order),
        "events are out of order"
    );
    Ok(())
}

/// Of what was sent before they lost each other, each event arrived once or was told to be undelivered.
fn accounted(from: &Report, to_id: &str, to: &Report, from_id: &str) -> anyhow::Result<()> {
    let past = |report: &Report, id: &str| -> anyhow::Result<Past> {
        let mut pasts = report.past.iter().filter(|past| past.id == id);
        let past = pasts.next().cloned().context("nobody was lost")?;
        ensure!(pasts.next().is_none(), "lost more than once");
        Ok(past)
    };
    let (sender, receiver) = (past(from, to_id)?, past(to, from_id)?);
    let (sent, arrived) = (sender.events_sent, receiver.events_received);
    let undelivered = sender.events_undelivered;
    println!(
        "   {sent} events sent until the loss, {arrived} arrived, {undelivered} told as undelivered"
    );
    ensure!(receiver.events_in_order, "events are out of order");
    ensure!(arrived <= sent, "events came twice");
    ensure!(
        arrived + undelivered >= sent,
        "events vanished without a word"
    );
    // An ack may be lost where its event was not.
    ensure!(arrived + undelivered <= sent + 5, "too many were given up");
    ensure!(undelivered > 0, "nothing was sent meanwhile");
    Ok(())
}
