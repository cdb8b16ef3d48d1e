//! Players continue without the server.

use std::time::{Duration, Instant};

use anyhow::ensure;
use huddle_tests::{
    Artifacts, Browser, Forwarder, Native, Page, Pause, Platform, Player, Report, Server, Testbed,
    watch,
};

use crate::steps::{LOAD_TIMEOUT, all_meet, is_long_run, lists_exactly};

/// The longest tolerated gap in movement, in milliseconds. A peer is reconnecting after a second.
const LONGEST_GAP: u64 = 250;
/// The time from the server's return to the meeting of all players with a new one. Linked players
/// connect again within 31 s.
const MEETING_TIMEOUT: Duration = Duration::from_secs(40);

/// The maximum time from the beginning of a drain until all clients are connected to another
/// instance: the drain, and 31 s.
const MOVING_TIMEOUT: Duration = Duration::from_secs(36);

pub(crate) fn players_continue_while_the_server_is_down(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let mut testbed = Testbed::new(artifacts)?;
    let mut ada = testbed.add_player(Platform::Native, "Ada", 1)?;
    let mut bob = testbed.add_player(Platform::Native, "Bob", 2)?;
    let mut cleo = testbed.add_player(Platform::Chromium, "Cleo", 3)?;
    let mut dora = testbed.add_player(Platform::Native, "Dora", 4)?;
    let four: &mut [&mut dyn Player] = &mut [
        &mut *ada.player,
        &mut *bob.player,
        &mut *cleo.player,
        &mut *dora.player,
    ];
    let (before, _) = all_meet(four, LOAD_TIMEOUT, "four meet")?;

    testbed.server.kill();
    let mut last = Vec::new();
    let mut first = Vec::new();
    let without_server = Duration::from_secs(if is_long_run() { 60 } else { 20 });
    watch(four, without_server, "they continue to play", |reports| {
        if first.is_empty() {
            first = reports.to_vec();
        }
        last = reports.to_vec();
        reports.iter().try_for_each(|report| {
            ensure!(report.state == "playing", "the state is {}", report.state);
            lists_exactly(report, &before)
        })
    })?;
    check_gaps(&first, &last)?;

    let back = testbed.restart_server()?;
    let mut eve = testbed.add_player(Platform::Native, "Eve", 5)?;
    let all: &mut [&mut dyn Player] = &mut [
        &mut *ada.player,
        &mut *bob.player,
        &mut *cleo.player,
        &mut *dora.player,
        &mut *eve.player,
    ];
    let (after, _) = all_meet(all, MEETING_TIMEOUT, "a new player meets all four")?;
    let took = Instant::now().duration_since(back);
    println!(
        "   all players have met {} ms after the server's return",
        took.as_millis()
    );
    ensure!(took < MEETING_TIMEOUT, "the new player needed {took:?}");
    ensure!(
        after[..4] == before[..],
        "ids have changed: {before:?}, then {after:?}"
    );
    // No player may be listed twice after the others have reconnected to the server.
    watch(
        all,
        Duration::from_secs(3),
        "each player is listed once",
        |reports| {
            reports
                .iter()
                .try_for_each(|report| lists_exactly(report, &after))
        },
    )
}

/// A server drains while its clients play. They move to another instance, and no link is replaced.
pub(crate) fn players_move_to_another_instance(artifacts: &Artifacts) -> anyhow::Result<()> {
    let drain = vec![("HUDDLE_DRAIN", "4s".to_owned())];
    let old = Server::with_options(artifacts, drain)?;
    let new = Server::start(artifacts)?;
    let balancer = Forwarder::start(old.address())?;
    let server = old.behind(&balancer);
    let mut ada = Native::start(artifacts, "Ada", &server, "hello", 1)?;
    let mut bob = Native::start(artifacts, "Bob", &server, "hello", 2)?;
    let mut cleo = Browser::chromium("Cleo", Page::SMALL)?;
    cleo.open(&server.player("render=off&bot=3"))?;
    let three: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut cleo];
    let (ids, _) = all_meet(three, LOAD_TIMEOUT, "three meet")?;

    balancer.switch_to(new.address());
    let began = Instant::now();
    old.terminate()?;
    while new.clients()? < 3 {
        watch(
            three,
            Duration::from_millis(500),
            "they continue to play",
            |reports| {
                reports.iter().try_for_each(|report| {
                    ensure!(
                        report.peers.iter().all(|peer| peer.links == 1),
                        "a link was replaced"
                    );
                    lists_exactly(report, &ids)
                })
            },
        )?;
        ensure!(
            began.elapsed() < MOVING_TIMEOUT,
            "the players have not moved"
        );
    }
    println!("   all have moved after {} ms", began.elapsed().as_millis());
    let mut dan = Native::start(artifacts, "Dan", &server, "hello", 4)?;
    let all: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut cleo, &mut dan];
    let (after, _) = all_meet(all, LOAD_TIMEOUT, "a new player meets them")?;
    ensure!(
        after[..3] == ids,
        "ids have changed: {ids:?}, then {after:?}"
    );
    watch(all, Duration::from_secs(2), "the links stay", |reports| {
        reports.iter().try_for_each(|report| {
            ensure!(
                report.peers.iter().all(|peer| peer.links == 1),
                "a link was replaced"
            );
            lists_exactly(report, &after)
        })
    })
}

/// Checks that no state was late, except during a slow frame of a game.
fn check_gaps(first: &[Report], last: &[Report]) -> anyhow::Result<()> {
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
        ensure!(report.tick > before.tick + 1000, "the ticks have stopped");
    }
    println!(
        "   the longest gap in movement: {longest} ms (0: under 100 ms); during a slow frame of a game: {explained} ms"
    );
    ensure!(longest <= LONGEST_GAP, "a gap of {longest} ms");
    Ok(())
}
