//! Matchmaking with `?next=N`.

use std::{thread, time::Duration};

use anyhow::ensure;
use huddle_tests::{Artifacts, Frozen, Native, Player, Server, Testbed, wait_until, watch};
use network_lab::Host;

use crate::steps::{LOAD_TIMEOUT, all_meet, lists_exactly};

/// The maximum time until the players have reported their links to the server.
const REPORT_TIMEOUT: Duration = Duration::from_secs(1);
const QUEUE: &str = "hello?next=2";
/// The maximum time until players meet. It includes the five seconds after which the server drops a
/// game that does not answer.
const MEETING_TIMEOUT: Duration = Duration::from_secs(9);
const SHORT: Duration = Duration::from_secs(3);

/// Waits until a player is alone in the queue.
fn until_waiting(player: &mut dyn Player) -> anyhow::Result<()> {
    wait_until(&mut [player], LOAD_TIMEOUT, "the player waits", |reports| {
        reports[0].state == "waiting"
    })?;
    Ok(())
}

/// The first waiting player freezes, and two more players join.
pub(crate) fn frozen_player_is_not_matched(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let start = |name, bot| Native::start(artifacts, name, &server, QUEUE, bot);
    let mut ada = start("Ada", 1)?;
    until_waiting(&mut ada)?;
    let frozen = Frozen::new(&ada)?;
    let mut bob = start("Bob", 2)?;
    until_waiting(&mut bob)?;
    let mut cleo = start("Cleo", 3)?;
    let two: &mut [&mut dyn Player] = &mut [&mut bob, &mut cleo];
    let (ids, _) = all_meet(two, MEETING_TIMEOUT, "the two running players meet")?;

    drop(frozen);
    until_waiting(&mut ada)?;
    let mut dora = start("Dora", 4)?;
    let late: &mut [&mut dyn Player] = &mut [&mut ada, &mut dora];
    all_meet(
        late,
        MEETING_TIMEOUT,
        "the frozen player meets the next one after it resumes",
    )?;
    let two: &mut [&mut dyn Player] = &mut [&mut bob, &mut cleo];
    watch(two, SHORT, "the two stay together", |reports| {
        reports
            .iter()
            .try_for_each(|report| lists_exactly(report, &ids))
    })
}

/// The server restarts while two players play. Two other players join before the first two have
/// reconnected.
pub(crate) fn matched_group_survives_a_server_restart(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut testbed = Testbed::new(artifacts)?;
    let (mut hosts, mut players) = (Vec::new(), Vec::new());
    for (name, bot) in [("Ada", 1), ("Bob", 2)] {
        let (host, player) = join(&testbed, artifacts, name, bot)?;
        hosts.push(host);
        players.push(player);
    }
    let [ada, bob] = &mut players[..] else {
        unreachable!("two have joined");
    };
    let two: &mut [&mut dyn Player] = &mut [ada, bob];
    let (ids, _) = all_meet(two, LOAD_TIMEOUT, "two meet")?;
    // The group is final once both have reported their link, which takes up to 250 ms.
    thread::sleep(REPORT_TIMEOUT);
    testbed.server.kill();
    testbed.restart_server()?;
    let (_cleos_host, mut cleo) = join(&testbed, artifacts, "Cleo", 3)?;
    until_waiting(&mut cleo)?;
    watch(two, SHORT, "the two stay together", |reports| {
        reports.iter().try_for_each(|report| {
            ensure!(report.plays_with(1), "a peer is missing: {report:?}");
            ensure!(report.peers[0].links == 1, "a working link was replaced");
            lists_exactly(report, &ids)
        })
    })?;
    let (_doras_host, mut dora) = join(&testbed, artifacts, "Dora", 4)?;
    let others: &mut [&mut dyn Player] = &mut [&mut cleo, &mut dora];
    all_meet(others, LOAD_TIMEOUT, "the other two meet")?;
    watch(two, SHORT, "the two still stay together", |reports| {
        reports
            .iter()
            .try_for_each(|report| lists_exactly(report, &ids))
    })
}

fn join(
    testbed: &Testbed,
    artifacts: &Artifacts,
    name: &str,
    bot: u64,
) -> anyhow::Result<(Host, Native)> {
    let host = testbed.lab.host(name)?;
    let player = host.enter(|| Native::start(artifacts, name, &testbed.server, QUEUE, bot))??;
    Ok((host, player))
}
