//! Members that come and go in masses do not disturb those who play.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, HostileMember, Native, Player, Server, resident_mib, wait_until};
use nix::unistd::Pid;

use crate::steps::{LOAD_TIMEOUT, all_meet, all_see_movement, is_long_run};

const ROOM: &str = "hello";
/// One member joins and leaves 50 times per second.
const VISIT: Duration = Duration::from_millis(20);
const CROWD: usize = 32;
/// The time in which the whole crowd joins.
const ARRIVAL: Duration = Duration::from_millis(500);
const CROWDED: Duration = Duration::from_secs(8);
/// Of 60 ticks per second.
const MIN_TICK_RATE: f64 = 55.0;
/// Memory for link attempts, which take some seconds to time out.
const GROWTH_MIB: f64 = 96.0;

pub(crate) fn storms_of_members_do_not_disturb_players(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = Native::start(artifacts, "Bob", &server, ROOM, 2)?;
    all_meet(&mut [&mut ada, &mut bob], LOAD_TIMEOUT, "two meet")?;
    let pids = [ada.process(), bob.process()];
    let before = memory(pids)?;
    let room = server.room(ROOM);

    let storm = Duration::from_secs(if is_long_run() { 60 } else { 10 });
    let mut visits = 0_u32;
    keep_ticking(&mut ada, &mut bob, "a member joins and leaves", || {
        let began = Instant::now();
        while began.elapsed() < storm {
            drop(HostileMember::join(&room)?);
            visits += 1;
            thread::sleep((VISIT * visits).saturating_sub(began.elapsed()));
        }
        Ok(())
    })?;
    println!("   {visits} visits in {storm:?}");

    let mut crowd = Vec::new();
    keep_ticking(&mut ada, &mut bob, "a crowd joins", || {
        let began = Instant::now();
        for _ in 0..CROWD {
            crowd.push(HostileMember::join(&room)?);
        }
        let took = began.elapsed();
        println!("   {CROWD} members join in {took:?}");
        ensure!(took < ARRIVAL, "the crowd joins too slowly: {took:?}");
        thread::sleep(CROWDED);
        Ok(())
    })?;
    let names = ["Ada", "Bob"].into_iter();
    for ((name, before), after) in names.zip(before).zip(memory(pids)?) {
        println!("   memory of {name}: {before:.1} MiB, then {after:.1} MiB");
        ensure!(
            after - before < GROWTH_MIB,
            "{name} grew by {} MiB",
            after - before
        );
    }
    drop(crowd);
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    wait_until(both, LOAD_TIMEOUT, "the two are alone again", |reports| {
        reports.iter().all(|report| report.plays_with(1))
    })?;
    all_see_movement(both, "each sees the other move")
}

/// Runs something and checks that both players tick at nearly their full rate while it runs.
fn keep_ticking(
    ada: &mut Native,
    bob: &mut Native,
    what: &str,
    run: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let before = [ticks(ada)?, ticks(bob)?];
    let began = Instant::now();
    run()?;
    let seconds = began.elapsed().as_secs_f64();
    for (before, after) in before.into_iter().zip([ticks(ada)?, ticks(bob)?]) {
        let rate = (after - before) as f64 / seconds;
        println!("   {what}: {rate:.1} ticks per second");
        ensure!(rate >= MIN_TICK_RATE, "{what}: {rate} ticks per second");
    }
    Ok(())
}

fn ticks(player: &mut Native) -> anyhow::Result<u64> {
    Ok(player.report()?.context("a report")?.tick)
}

fn memory(pids: [Pid; 2]) -> anyhow::Result<[f64; 2]> {
    Ok([resident_mib(pids[0])?, resident_mib(pids[1])?])
}
