//! Links that break while others hold, and what becomes of the events on their way.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use huddle_tests::{Artifacts, Cut, Platform, Player, Report, Server, wait_until};

use crate::steps::{LOAD, all_meet, all_see_movement};

/// From the break to a new link: a second of silence is suspicion, three are loss.
const REPLACED: Duration = Duration::from_secs(4);
/// Long enough to be unresponsive, so that a replacement is on its way, too short for its own to be open everywhere.
const LAPSE: Duration = Duration::from_millis(1300);
/// How long events flow, the breaks included.
const RUN: Duration = Duration::from_secs(30);
/// Between the breaks.
const CALM: Duration = Duration::from_secs(4);
/// What was on its way when it was looked at is there by then.
const DELIVERED: Duration = Duration::from_secs(5);
/// Everybody reports more often than that.
const NEXT_REPORT: Duration = Duration::from_millis(500);
/// Enough for a loss to show.
const FEWEST_EVENTS: u64 = 400;

pub(crate) fn a_broken_link_is_replaced_and_others_stay(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Platform::Native.start(artifacts, &server, "Ada", 1)?;
    let mut bob = Platform::Chromium.start(artifacts, &server, "Bob", 2)?;
    let mut cleo = Platform::Native.start(artifacts, &server, "Cleo", 3)?;
    let three: &mut [&mut dyn Player] = &mut [&mut *ada, &mut *bob, &mut *cleo];
    let (ids, _) = all_meet(three, LOAD, "three meet")?;
    let _cut = break_link(&mut *ada, &mut *bob, [&ids[0], &ids[1]], None)?;
    let three: &mut [&mut dyn Player] = &mut [&mut *ada, &mut *bob, &mut *cleo];
    wait_until(
        three,
        DELIVERED,
        "the third one keeps its links",
        |reports| {
            let kept = |by: usize, of: usize| links(&reports[by], &ids[of]) == 1;
            reports.iter().all(|report| report.plays_with(2))
                && kept(0, 2)
                && kept(1, 2)
                && kept(2, 0)
                && kept(2, 1)
        },
    )?;
    all_see_movement(three, "each sees the others move")
}

pub(crate) fn exactly_once_over_a_replaced_link(
    artifacts: &Artifacts,
    a: Platform,
    b: Platform,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = a.start(artifacts, &server, "Ada", 1)?;
    let mut bob = b.start(artifacts, &server, "Bob", 2)?;
    let (ids, _) = all_meet(&mut [&mut *ada, &mut *bob], LOAD, "they meet")?;
    let pair = [ids[0].as_str(), ids[1].as_str()];

    let start = Instant::now();
    let mut cuts = Vec::new();
    for lapse in [None, Some(LAPSE), None] {
        thread::sleep(CALM);
        cuts.extend(break_link(&mut *ada, &mut *bob, pair, lapse)?);
    }
    thread::sleep(RUN.saturating_sub(start.elapsed()));
    all_arrive_once(&mut [&mut *ada, &mut *bob], pair)
}

/// Breaks the link of two players, for good or for a while, and waits until both have another.
///
/// After a while, what was sent again on the old link arrives beside what comes on the new one.
fn break_link(
    a: &mut dyn Player,
    b: &mut dyn Player,
    pair: [&str; 2],
    lapse: Option<Duration>,
) -> anyhow::Result<Option<Cut>> {
    let counts = |reports: &[Report]| [links(&reports[0], pair[1]), links(&reports[1], pair[0])];
    let mut before = [0; 2];
    wait_until(&mut [a, b], REPLACED, "both report", |reports| {
        before = counts(reports);
        true
    })?;
    let start = Instant::now();
    let mut cut = Some(Cut::between(a, b)?);
    let mut dropped = 0;
    if let Some(lapse) = lapse {
        thread::sleep(lapse);
        dropped = cut.take().map_or(Ok(0), |cut| cut.dropped())?;
    }
    let mut parted = false;
    let mut seen = [None; 2];
    let what = "a broken link is replaced";
    wait_until(&mut [a, b], REPLACED, what, |reports| {
        parted |= !reports[0].lists(pair[1]) || !reports[1].lists(pair[0]);
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
    ensure!(dropped > 0, "nothing was cut");
    ensure!(!parted, "a player was given up meanwhile");
    Ok(cut)
}

/// What each of the two has sent so far arrives at the other, once and in order.
fn all_arrive_once(both: &mut [&mut dyn Player], pair: [&str; 2]) -> anyhow::Result<()> {
    let (sent, _) = events(both, pair)?;
    ensure!(
        sent.iter().all(|sent| *sent >= FEWEST_EVENTS),
        "too few events to judge: {sent:?}"
    );
    wait_until(
        both,
        DELIVERED,
        "all events sent so far arrive",
        |reports| {
            let (_, received) = exchanged(reports, pair);
            received[0] >= sent[0] && received[1] >= sent[1]
        },
    )?;
    // What has been received was sent before: a later look at the senders knows of it.
    let (_, received) = events(both, pair)?;
    thread::sleep(NEXT_REPORT);
    let (sent, _) = events(both, pair)?;
    println!("   received {received:?} events of {sent:?}");
    ensure!(
        received[0] <= sent[0] && received[1] <= sent[1],
        "events came twice: {received:?} of {sent:?}"
    );
    wait_until(both, NEXT_REPORT, "all events came in order", |reports| {
        let in_order = |by: usize, from: usize| {
            reports[by]
                .peer(pair[from])
                .is_some_and(|peer| peer.events_in_order)
        };
        in_order(0, 1) && in_order(1, 0)
    })?;
    Ok(())
}

/// Events sent by each, and received from each by the other.
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

/// How many links there have been to that peer.
fn links(report: &Report, id: &str) -> u32 {
    report.peer(id).map_or(0, |peer| peer.links)
}
