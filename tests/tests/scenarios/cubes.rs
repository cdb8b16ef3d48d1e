//! The `cubes` example: physics that several players share.

use std::{collections::HashSet, time::Duration};

use anyhow::{Context, ensure};
use huddle_tests::{
    Artifacts, Browser, CubesWorld, Native, Page, Player, Report, Server, wait_until,
};

use crate::steps::{LOAD_TIMEOUT, all_meet, is_long_run};

/// The step of a position, with a tolerance for `f32` in JSON.
const QUANTUM: f32 = 0.002 + 1e-4;

/// The time until all bodies rest after the last bot has stopped.
const REST_TIMEOUT: Duration = Duration::from_secs(60);

/// The time until every cube of a lost player has another owner.
const INHERITED: Duration = Duration::from_secs(5);

const ROOM: &str = "cubes";

fn native(
    artifacts: &Artifacts,
    name: &str,
    server: &Server,
    bot: u64,
    rest: &str,
) -> anyhow::Result<Native> {
    let arguments = ["--rest-after", rest];
    Native::playing(
        artifacts,
        name,
        server,
        ROOM,
        bot,
        &[("game", "cubes")],
        &arguments,
    )
}

/// Returns why two players do not see the same, or `None` if they do.
fn difference(a: &CubesWorld, b: &CubesWorld) -> Option<String> {
    if a.cubes.is_empty() || a.cubes.len() != b.cubes.len() {
        return Some(format!("{} and {} bodies move", a.moving, b.moving));
    }
    a.cubes.iter().zip(&b.cubes).find_map(|(a, b)| {
        let is_near =
            a.at.iter()
                .zip(&b.at)
                .all(|(a, b)| (a - b).abs() <= QUANTUM);
        let agree = a.number == b.number && a.owner == b.owner && is_near;
        (!agree).then(|| format!("{a:?} and {b:?}"))
    })
}

/// Waits until all players see the same cubes, at rest.
fn all_agree(players: &mut [&mut dyn Player], timeout: Duration) -> anyhow::Result<Vec<Report>> {
    let mut last = Vec::new();
    let mut why = None;
    let took = wait_until(
        players,
        timeout,
        "all see the same cubes at rest",
        |reports| {
            let first = reports[0].cubes();
            why = reports[1..]
                .iter()
                .find_map(|report| difference(&first, &report.cubes()));
            last = reports.to_vec();
            why.is_none()
        },
    )
    .with_context(|| format!("they differ: {why:?}"))?;
    println!("   all see the same cubes at rest: {} ms", took.as_millis());
    Ok(last)
}

pub(crate) fn cubes_agree_after_rest(artifacts: &Artifacts) -> anyhow::Result<()> {
    let seconds = if is_long_run() { 180 } else { 30 };
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::SMALL)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    let mut cleo = Browser::firefox("Cleo", Page::SMALL)?;
    for (browser, bot) in [(&ada, 1), (&bob, 2), (&cleo, 3)] {
        let query = format!("game=cubes&render=off&bot={bot}&rest_after={seconds}");
        browser.open(&server.player(&query))?;
    }
    let mut dora = native(artifacts, "Dora", &server, 4, &seconds.to_string())?;
    let players: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut cleo, &mut dora];
    wait_until(players, LOAD_TIMEOUT, "all four report", |_| true)?;
    let (ids, _) = all_meet(players, LOAD_TIMEOUT, "they meet")?;
    let reports = all_agree(players, Duration::from_secs(seconds) + REST_TIMEOUT)?;
    for report in &reports {
        let world = report.cubes();
        println!(
            "   {} cubes, {} owned, {:.2} of the budget, ticks of {:.1?} ms",
            world.count,
            world.owned.values().sum::<usize>(),
            world.most_of_budget,
            world.tick_ms
        );
        let owners: HashSet<_> = world.owned.keys().collect();
        ensure!(
            owners.iter().all(|owner| ids.contains(owner)),
            "a stranger owns cubes"
        );
        ensure!(owners.len() > 1, "only {owners:?} own cubes");
        ensure!(
            world.most_of_budget <= 1.0,
            "a link has used {} of its budget in a second",
            world.most_of_budget
        );
    }
    Ok(())
}

pub(crate) fn cubes_of_a_killed_player_have_heirs(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = native(artifacts, "Ada", &server, 1, "60")?;
    let mut bob = native(artifacts, "Bob", &server, 2, "60")?;
    let mut cleo = native(artifacts, "Cleo", &server, 3, "60")?;
    let (ids, _) = all_meet(
        &mut [&mut ada, &mut bob, &mut cleo],
        LOAD_TIMEOUT,
        "they meet",
    )?;
    let owns = |report: &Report| report.cubes().owned.get(&ids[2]).copied().unwrap_or(0);
    let players: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    wait_until(players, REST_TIMEOUT, "Cleo owns ten cubes", |reports| {
        reports.iter().all(|report| owns(report) >= 10)
    })?;
    drop(cleo);
    let took = wait_until(players, 2 * INHERITED, "nothing is Cleo's", |reports| {
        reports.iter().all(|report| owns(report) == 0)
    })?;
    println!("   every cube has an heir: {} ms", took.as_millis());
    ensure!(took < INHERITED, "cubes had no owner for {took:?}");
    Ok(())
}
