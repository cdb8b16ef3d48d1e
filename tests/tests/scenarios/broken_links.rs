//! Broken links, and the events in flight on them.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use huddle_tests::{Artifacts, Cut, Platform, Player, Report, Server, wait_until};

use crate::steps::{LOAD_TIMEOUT, all_meet, all_see_movement};

/// The maximum time from the break to a new link. A peer is reconnecting after one second of
/// silence, and lost after eight.
const REPLACEMENT_TIMEOUT: Duration = Duration::from_secs(4);
/// The length of a short break: long enough that the peers are reconnecting and negotiate a new
/// link, too short for that link to open at both peers.
const SHORT_BREAK: Duration = Duration::from_millis(1300);
/// The time for which events are sent, including the breaks.
const RUN: Duration = Duration::from_secs(30);
/// The time between the breaks.
const CALM: Duration = Duration::from_secs(4);
/// The maximum time until events in flight arrive.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);
/// A time longer than the interval between reports.
const NEXT_REPORT: Duration = Duration::from_millis(500);
/// The minimum number of events for which a loss would be noticed.
const FEWEST_EVENTS: u64 = 400;

pub(crate) fn broken_link_is_replaced_and_other_links_stay(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Platform::Native.start(artifacts, &server, "Ada", 1)?;
    let mut bob = Platform::Chromium.start(artifacts, &server, "Bob", 2)?;
    let mut cleo = Platform::Native.start(artifacts, &server, "Cleo", 3)?;
    let three: &mut [&mut dyn Player] = &mut [&mut *ada, &mut *bob, &mut *cleo];
    let (ids, _) = all_meet(three, LOAD_TIMEOUT, "three meet")?;
    let _cut = break_link(&mut *ada, &mut *bob, [&ids[0], &ids[1]], None)?;
    let three: &mut [&mut dyn Player] = &mut [&mut *ada, &mut *bob, &mut *cleo];
    wait_until(
        three,
        DELIVERY_TIMEOUT,
        "the third player keeps its links",
        |reports| {
            let kept = |by: usize, of: usize| links(&reports[by], &ids[of]) == 1;
            reports.iter().all(|report| report.plays_with(2))
                && kept(0, 2)
                && kept(1, 2)
                && kept(2, 0)
                && kept(2, 1)
        },
    )?;
    all_see_movement(three, "each sees the other players move")
}

pub(crate) fn events_arrive_exactly_once_over_replaced_links(
    artifacts: &Artifacts,
    a: Platform,
    b: Platform,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = a.start(artifacts, &server, "Ada", 1)?;
    let mut bob = b.start(artifacts, &server, "Bob", 2)?;
    let (ids, _) = all_meet(&mut [&mut *ada, &mut *bob], LOAD_TIMEOUT, "they meet")?;
    let pair = [ids[0].as_str(), ids[1].as_str()];

    let start = Instant::now();
    let mut cuts = Vec::new();
    for duration in [None, Some(SHORT_BREAK), None] {
        thread::sleep(CALM);
        cuts.extend(break_link(&mut *ada, &mut *bob, pair, duration)?);
    }
    thread::sleep(RUN.saturating_sub(start.elapsed()));
    all_arrive_once(&mut [&mut *ada, &mut *bob], pair)
}

/// Breaks the link of two players and waits until both have a new one.
///
/// With a duration, the old link works again after it, so retransmitted events arrive on the old
/// link while others arrive on the new one.
fn break_link(
    a: &mut dyn Player,
    b: &mut dyn Player,
    pair: [&str; 2],
    duration: Option<Duration>,
) -> anyhow::Result<Option<Cut>> {
    let counts = |reports: &[Report]| [links(&reports[0], pair[1]), links(&reports[1], pair[0])];
    let mut before = [0; 2];
    wait_until(&mut [a, b], REPLACEMENT_TIMEOUT, "both report", |reports| {
        before = counts(reports);
        true
    })?;
    let start = Instant::now();
    let mut cut = Some(Cut::between(a, b)?);
    let mut dropped = 0;
    if let Some(duration) = duration {
        thread::sleep(duration);
        dropped = cut.take().map_or(Ok(0), |cut| cut.dropped())?;
    }
    let mut was_lost = false;
    let mut seen = [None; 2];
    let what = "a broken link is replaced";
    wait_until(&mut [a, b], REPLACEMENT_TIMEOUT, what, |reports| {
        was_lost |= !reports[0].lists(pair[1]) || !reports[1].lists(pair[0]);
        let now = counts(reports);
        for i in 0..2 {
            if now[i] > before[i] {
                seen[i].get_or_insert(start.elapsed());
            }
        }
        seen.iter().all(Option::is_some)
    })?;
    let [by_a, by_b] = seen.map(|seen| seen.unwrap_or_default().as_millis());
    if let Some(cut) = &cut {
        dropped = cut.dropped()?;
    }
    println!("   {what}: {by_a} and {by_b} ms, {dropped} packets lost");
    ensure!(dropped > 0, "no packet was dropped");
    ensure!(!was_lost, "a peer was lost during the break");
    Ok(cut)
}

/// Checks that all events that the two players have sent so far arrive once and in order.
fn all_arrive_once(both: &mut [&mut dyn Player], pair: [&str; 2]) -> anyhow::Result<()> {
    let (sent, _) = events(both, pair)?;
    ensure!(
        sent.iter().all(|sent| *sent >= FEWEST_EVENTS),
        "too few events were sent: {sent:?}"
    );
    wait_until(
        both,
        DELIVERY_TIMEOUT,
        "all events sent so far arrive",
        |reports| {
            let (_, received) = exchanged(reports, pair);
            received[0] >= sent[0] && received[1] >= sent[1]
        },
    )?;
    // The receivers are read before the senders, so that the senders' counts include all received
    // events.
    let (_, received) = events(both, pair)?;
    thread::sleep(NEXT_REPORT);
    let (sent, _) = events(both, pair)?;
    println!("   received {received:?} events of {sent:?}");
    ensure!(
        received[0] <= sent[0] && received[1] <= sent[1],
        "events arrived twice: {received:?} of {sent:?}"
    );
    wait_until(
        both,
        NEXT_REPORT,
        "all events arrived in order",
        |reports| {
            let in_order = |by: usize, from: usize| {
                reports[by]
                    .peer(pair[from])
                    .is_some_and(|peer| peer.events_in_order)
            };
            in_order(0, 1) && in_order(1, 0)
        },
    )?;
    Ok(())
}

/// Returns the numbers of events that each player has sent, and that the other one has received.
fn events(both: &mut [&mut dyn Player], pair: [&str; 2]) -> anyhow::Result<([u64; 2], [u64; 2])> {
    let mut counted = Default::default();
    wait_until(both, NEXT_REPORT, "both report", |reports| {
        counted = exchanged(reports, pair);
        true
    })?;
    Ok(counted)
}

fn exchanged(reports: &[Report], pair: [&str; 2]) -> ([u64; 2], [u64; 2]) {
    let by = |by: usize, about: usize| {
        let peer = reports[by].peer(pair[about]);
        peer.map_or((0, 0), |peer| (peer.events_sent, peer.events_received))
    };
    let (a, b) = (by(0, 1), by(1, 0));
    ([a.0, b.0], [b.1, a.1])
}

/// Returns the number of links to a peer so far.
fn links(report: &Report, id: &str) -> u32 {
    report.peer(id).map_or(0, |peer| peer.links)
}
