//! Groups of `?next=N`.

use std::{thread, time::Duration};

use anyhow::ensure;
use huddle_tests::{Artifacts, Frozen, Native, Player, Server, Stage, wait_until, watch};
use network_lab::Host;

use crate::steps::{LOAD, all_meet, lists_exactly};

/// When the server has the players' reports of their links.
const REPORTED: Duration = Duration::from_secs(1);
const QUEUE: &str = "hello?next=2";
/// The server's patience with a game that does not answer is five seconds.
const SECONDS: Duration = Duration::from_secs(9);
const SHORT: Duration = Duration::from_secs(3);

/// Waits until a player is in the queue, alone.
fn waits(player: &mut dyn Player) -> anyhow::Result<()> {
    wait_until(&mut [player], LOAD, "it waits", |reports| {
        reports[0].state == "waiting"
    })?;
    Ok(())
}

/// The first waiter freezes, then two more come.
pub(crate) fn a_frozen_ghost_binds_no_player(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let start = |name, bot| Native::start(artifacts, name, &server, QUEUE, bot);
    let mut ada = start("Ada", 1)?;
    waits(&mut ada)?;
    let ice = Frozen::new(&ada)?;
    let mut bob = start("Bob", 2)?;
    waits(&mut bob)?;
    let mut cleo = start("Cleo", 3)?;
    let two: &mut [&mut dyn Player] = &mut [&mut bob, &mut cleo];
    let (ids, _) = all_meet(two, SECONDS, "the two who run meet")?;

    drop(ice);
    waits(&mut ada)?;
    let mut dora = start("Dora", 4)?;
    let late: &mut [&mut dyn Player] = &mut [&mut ada, &mut dora];
    all_meet(late, SECONDS, "it plays with the next when it runs again")?;
    let two: &mut [&mut dyn Player] = &mut [&mut bob, &mut cleo];
    watch(two, SHORT, "the two stay together", |reports| {
        reports
            .iter()
            .try_for_each(|report| lists_exactly(report, &ids))
    })
}

/// The server restarts while two play, and two others come before those are back.
pub(crate) fn a_lost_websocket_groups_nobody_with_strangers(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let mut stage = Stage::new(artifacts)?;
    let (mut hosts, mut players) = (Vec::new(), Vec::new());
    for (name, bot) in [("Ada", 1), ("Bob", 2)] {
        let (host, player) = join(&stage, artifacts, name, bot)?;
        hosts.push(host);
        players.push(player);
    }
    let [ada, bob] = &mut players[..] else {
        unreachable!("two have joined");
    };
    let two: &mut [&mut dyn Player] = &mut [ada, bob];
    let (ids, _) = all_meet(two, LOAD, "two meet")?;
    // The group is final once both have reported their link, which takes up to a quarter second.
    thread::sleep(REPORTED);
    stage.server.kill();
    stage.restart_server()?;
    let (_cleos_host, mut cleo) = join(&stage, artifacts, "Cleo", 3)?;
    waits(&mut cleo)?;
    watch(two, SHORT, "the two stay together", |reports| {
        reports.iter().try_for_each(|report| {
            ensure!(report.plays_with(1), "somebody is missing: {report:?}");
            ensure!(report.peers[0].links == 1, "a good link was replaced");
            lists_exactly(report, &ids)
        })
    })?;
    let (_doras_host, mut dora) = join(&stage, artifacts, "Dora", 4)?;
    let others: &mut [&mut dyn Player] = &mut [&mut cleo, &mut dora];
    all_meet(others, LOAD, "the strangers play with each other")?;
    watch(two, SHORT, "and the two stay together", |reports| {
        reports
            .iter()
            .try_for_each(|report| lists_exactly(report, &ids))
    })
}

fn join(
    stage: &Stage,
    artifacts: &Artifacts,
    name: &str,
    bot: u64,
) -> anyhow::Result<(Host, Native)> {
    let host = stage.lab.host(name)?;
    let player = host.enter(|| Native::start(artifacts, name, &stage.server, QUEUE, bot))??;
    Ok((host, player))
}
