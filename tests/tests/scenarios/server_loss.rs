//! Nobody needs the server while they play.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, Browser, Native, Page, Player, Server, wait_until, watch};

use crate::steps::{LOAD, Movement, all_meet, lists_exactly};

const WITHOUT_SERVER: Duration = Duration::from_secs(6);
/// From the server's return to everybody playing with the newcomer.
const REUNION: Duration = Duration::from_secs(10);
const ROOM: &str = "hello";

pub(crate) fn server_killed_and_back(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = Native::start(artifacts, "Bob", &server, ROOM, 2)?;
    let mut cleo = Browser::chromium("Cleo", Page::SMALL)?;
    cleo.open(&server.page("hello", "render=off&bot=3"))?;
    let (before, _) = all_meet(&mut [&mut ada, &mut bob, &mut cleo], LOAD, "three meet")?;

    server.kill();
    play_on(&mut [&mut ada, &mut bob, &mut cleo], &before)?;

    let back = server.start_again()?;
    let mut dora = Native::start(artifacts, "Dora", &server, ROOM, 4)?;
    let everybody: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut cleo, &mut dora];
    let (after, _) = all_meet(everybody, REUNION, "a newcomer reaches all three")?;
    let took = Instant::now().duration_since(back);
    println!(
        "   everybody plays, after the server's return: {} ms",
        took.as_millis()
    );
    ensure!(took < REUNION, "the newcomer needed {took:?}");
    ensure!(
        after[..3] == before[..],
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

fn play_on(players: &mut [&mut dyn Player], ids: &[String]) -> anyhow::Result<()> {
    let mut seen = Movement::default();
    let mut fewest = None;
    let mut ticks = Vec::new();
    watch(
        players,
        WITHOUT_SERVER,
        "they play on without server",
        |reports| {
            seen.look(reports);
            fewest = seen.places(reports);
            ticks = reports.iter().map(|report| report.tick).collect();
            reports.iter().try_for_each(|report| {
                ensure!(report.state == "playing", "the state is {}", report.state);
                lists_exactly(report, ids)
            })
        },
    )?;
    let fewest = fewest.context("nobody moved")?;
    println!("   without server each was seen at {fewest} places or more");
    // Once per second natively.
    ensure!(fewest >= 4, "somebody stood still: {fewest} places");
    wait_until(
        players,
        Duration::from_secs(2),
        "the ticks go on",
        |reports| {
            reports
                .iter()
                .zip(&ticks)
                .all(|(report, then)| report.tick > *then)
        },
    )
    .map(drop)
}
