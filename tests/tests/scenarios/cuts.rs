//! Partitions between players, and between players and the server.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, DepartedPeer, Platform, Player, Report, Testbed, wait_until, watch};

use crate::steps::{LOAD_TIMEOUT, all_meet, all_see_movement, lists_exactly};

/// The length of a cut that the link survives.
const SHORT: Duration = Duration::from_secs(2);
/// The length of a cut after which the peer is lost.
const LONG: Duration = Duration::from_secs(13);
/// The maximum time until a peer is reconnecting: one second of silence, and reports that may be
/// 100 ms old.
const RECONNECTING_TIMEOUT: Duration = Duration::from_millis(1500);
/// The maximum time until a peer is lost.
const LOSS_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum time until a new link is open.
const REPLACEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum time until a peer is connected again.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(3);
/// A time longer than the interval between reports.
const NEXT_REPORT: Duration = Duration::from_millis(500);
/// A time longer than the signaling connection lasts without answers to its keep-alives.
const WITHOUT_SERVER: Duration = Duration::from_secs(20);

/// Cuts both players off from the server, and heals the partition.
pub(crate) fn links_survive_a_lost_signaling_connection(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let testbed = Testbed::new(artifacts)?;
    let mut ada = testbed.add_player(Platform::Native, "Ada", 1)?;
    let mut bob = testbed.add_player(Platform::Chromium, "Bob", 2)?;
    let both: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player];
    let (ids, _) = all_meet(both, LOAD_TIMEOUT, "two meet")?;

    for host in [&ada.host, &bob.host] {
        testbed.lab.cut(host, &testbed.server_host);
    }
    watch(both, WITHOUT_SERVER, "they continue to play", |reports| {
        reports.iter().try_for_each(|report| {
            ensure!(report.plays_with(1), "a peer is missing: {report:?}");
            ensure!(report.peers[0].links == 1, "a working link was replaced");
            lists_exactly(report, &ids)
        })
    })?;
    for host in [&ada.host, &bob.host] {
        testbed.lab.heal(host, &testbed.server_host);
    }
    let healed = Instant::now();
    // A new player only meets players that are connected to the server.
    let mut cleo = testbed.add_player(Platform::Native, "Cleo", 3)?;
    let all: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player, &mut *cleo.player];
    let (after, _) = all_meet(all, LOAD_TIMEOUT, "a new player meets both")?;
    println!("   after healing: {} ms", healed.elapsed().as_millis());
    ensure!(after[..2] == ids[..], "ids have changed");
    watch(all, SHORT, "each is listed once", |reports| {
        ensure!(
            reports[0].peer(&ids[1]).is_some_and(|peer| peer.links == 1),
            "a working link was replaced"
        );
        reports
            .iter()
            .try_for_each(|report| lists_exactly(report, &after))
    })
}

/// A partition of two seconds: the peer is reconnecting, then recovers.
pub(crate) fn link_survives_a_short_partition(
    artifacts: &Artifacts,
    a: Platform,
    b: Platform,
) -> anyhow::Result<()> {
    let testbed = Testbed::new(artifacts)?;
    let mut ada = testbed.add_player(a, "Ada", 1)?;
    let mut bob = testbed.add_player(b, "Bob", 2)?;
    let both: &mut [&mut dyn Player] = &mut [&mut *ada.player, &mut *bob.player];
    let (ids, _) = all_meet(both, LOAD_TIMEOUT, "two meet")?;
    testbed.lab.cut(&ada.host, &bob.host);
    let start = Instant::now();
    let reconnecting = wait_until(
        both,
        RECONNECTING_TIMEOUT,
        "both report a reconnecting peer",
        |reports| {
            reports
                .iter()
                .all(|report| report.peers.iter().any(|peer| peer.state == "reconnecting"))
        },
    )?;
    watch(
        both,
        SHORT.saturating_sub(start.elapsed()),
        "no peer is lost",
        |reports| {
            reports
                .iter()
                .try_for_each(|report| lists_exactly(report, &ids))
        },
    )?;
    testbed.lab.heal(&ada.host, &bob.host);
    let recovered = wait_until(both, RECOVERY_TIMEOUT, "both recover", |reports| {
        reports.iter().all(|report| report.plays_with(1))
    })?;
    println!(
        "   reconnecting after {} ms, recovered {} ms after healing",
        reconnecting.as_millis(),
        recovered.as_millis()
    );
    all_see_movement(both, "each sees the other move")?;
    wait_until(
        both,
        NEXT_REPORT,
        "no peer was lost, and events are in order",
        |reports| {
            reports.iter().all(|report| {
                report.departed.is_empty() && report.peers.iter().all(|peer| peer.events_in_order)
            })
        },
    )
    .map(drop)
}

/// A partition of 20 seconds: the peer is lost, and returns with the same id.
pub(crate) fn players_reconnect_after_a_long_partition(
    artifacts: &Artifacts,
    a: Platform,
    b: Platform,
) -> anyhow::Result<()> {
    let testbed = Testbed::new(artifacts)?;
    let mut ada = testbed.add_player(a, "Ada", 1)?;
    let mut bob = testbed.add_player(b, "Bob", 2)?;
    let mut cleo = testbed.add_player(Platform::Native, "Cleo", 3)?;
    let three: &mut [&mut dyn Player] =
        &mut [&mut *ada.player, &mut *bob.player, &mut *cleo.player];
    let (ids, _) = all_meet(three, LOAD_TIMEOUT, "three meet")?;
    testbed.lab.cut(&ada.host, &bob.host);
    let start = Instant::now();
    let lost = wait_until(three, LOSS_TIMEOUT, "the two lose each other", |reports| {
        !reports[0].lists(&ids[1]) && !reports[1].lists(&ids[0])
    })?;
    watch(
        three,
        LONG.saturating_sub(start.elapsed()),
        "the third player keeps both links",
        |reports| {
            lists_exactly(&reports[2], &ids)?;
            ensure!(
                reports[2].peers.iter().all(|peer| peer.links == 1),
                "a working link was replaced"
            );
            Ok(())
        },
    )?;
    testbed.lab.heal(&ada.host, &bob.host);
    let (after, healed) = all_meet(three, REPLACEMENT_TIMEOUT, "all meet again")?;
    println!(
        "   lost after {} ms, back {} ms after healing",
        lost.as_millis(),
        healed.as_millis()
    );
    ensure!(after == ids, "ids have changed: {ids:?}, then {after:?}");
    all_see_movement(three, "each sees the other players move")?;
    let mut reports = Vec::new();
    thread::sleep(NEXT_REPORT);
    wait_until(three, NEXT_REPORT, "all report", |now| {
        reports = now.to_vec();
        true
    })?;
    for (from, to) in [(0, 1), (1, 0)] {
        check_events(&reports[from], &ids[to], &reports[to], &ids[from])?;
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

/// Checks that each event from before the loss arrived once or was reported as undelivered.
fn check_events(from: &Report, to_id: &str, to: &Report, from_id: &str) -> anyhow::Result<()> {
    let departed = |report: &Report, id: &str| -> anyhow::Result<DepartedPeer> {
        let mut departures = report.departed.iter().filter(|peer| peer.id == id);
        let peer = departures
            .next()
            .cloned()
            .context("the peer was not lost")?;
        ensure!(
            departures.next().is_none(),
            "the peer was lost more than once"
        );
        Ok(peer)
    };
    let (sender, receiver) = (departed(from, to_id)?, departed(to, from_id)?);
    let (sent, arrived) = (sender.events_sent, receiver.events_received);
    let undelivered = sender.events_undelivered;
    println!(
        "   {sent} events sent until the loss, {arrived} arrived, {undelivered} reported as undelivered"
    );
    ensure!(receiver.events_in_order, "events are out of order");
    ensure!(arrived <= sent, "events arrived twice");
    ensure!(
        arrived + undelivered >= sent,
        "events were lost without a report"
    );
    // An ack may be lost where its event was not.
    ensure!(
        arrived + undelivered <= sent + 5,
        "too many events were reported as undelivered"
    );
    ensure!(undelivered > 0, "no event was sent during the partition");
    Ok(())
}
