//! Nobody needs the server while they play.

use std::time::{Duration, Instant};

use anyhow::ensure;
use huddle_tests::{
    Artifacts, Pause,
    Platform::{Chromium, Native},
    Player, Report, Stage, watch,
};

use crate::steps::{LOAD, all_meet, lists_exactly};

/// A second of silence is suspicion; a quarter of it is seen.
const LONGEST_GAP: u64 = 250;
const WITHOUT_SERVER: Duration = Duration::from_secs(60);
/// From the server's return to everybody playing with the newcomer.
const REUNION: Duration = Duration::from_secs(10);

pub(crate) fn server_killed_and_back(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut stage = Stage::new(artifacts)?;
    let mut ada = stage.seat(Native, "Ada", 1)?;
    let mut bob = stage.seat(Native, "Bob", 2)?;
    let mut cleo = stage.seat(Chromium, "Cleo", 3)?;
    let mut dora = stage.seat(Native, "Dora", 4)?;
    let four: &mut [&mut dyn Player] = &mut [
        &mut *ada.player,
        &mut *bob.player,
        &mut *cleo.player,
        &mut *dora.player,
    ];
    let (before, _) = all_meet(four, LOAD, "four meet")?;

    stage.server.kill();
    let mut last = Vec::new();
    let mut first = Vec::new();
    watch(four, WITHOUT_SERVER, "they play on", |reports| {
        if first.is_empty() {
            first = reports.to_vec();
        }
        last = reports.to_vec();
        reports.iter().try_for_each(|report| {
            ensure!(report.state == "playing", "the state is {}", report.state);
            lists_exactly(report, &before)
        })
    })?;
    no_gaps(&first, &last)?;

    let back = stage.restart_server()?;
    let mut eve = stage.seat(Native, "Eve", 5)?;
    let everybody: &mut [&mut dyn Player] = &mut [
        &mut *ada.player,
        &mut *bob.player,
        &mut *cleo.player,
        &mut *dora.player,
        &mut *eve.player,
    ];
    let (after, _) = all_meet(everybody, REUNION, "a newcomer reaches all four")?;
    let took = Instant::now().duration_since(back);
    println!(
        "   everybody plays, after the server's return: {} ms",
        took.as_millis()
    );
    ensure!(took < REUNION, "the newcomer needed {took:?}");
    ensure!(
        after[..4] == before[..],
        "ids have changed: {before:?}, then {after:?}"
    );
    // Reconnecting to the server must not make anybody appear twice, not even a moment later.
    watch(
        everybody,
        Duration::from_secs(3),
        "everybody is listed once",
        |reports| {
            reports
                .iter()
                .try_for_each(|report| lists_exactly(report, &after))
        },
    )
}

/// No state of anybody was late, but for what either machine slept through.
fn no_gaps(first: &[Report], last: &[Report]) -> anyhow::Result<()> {
    let hitches: Vec<Pause> = last.iter().flat_map(|r| r.hitches.clone()).collect();
    let (mut longest, mut explained) = (0, 0);
    for (before, report) in first.iter().zip(last) {
        for peer in &report.peers {
            let old = before.peer(&peer.id).map_or(&[][..], |peer| &peer.gaps);
            for gap in peer.gaps.iter().filter(|gap| !old.contains(gap)) {
                if hitches.iter().any(|hitch| hitch.overlaps(gap)) {
                    explained = explained.max(gap.length());
                } else {
                    longest = longest.max(gap.length());
                }
            }
        }
        ensure!(report.tick > before.tick + 1000, "ticks stood still");
    }
    println!(
        "   the longest gap in movement: {longest} ms or under 100 ms; beside a hitch of a game itself: {explained} ms"
    );
    ensure!(longest <= LONGEST_GAP, "a gap of {longest} ms");
    Ok(())
}
