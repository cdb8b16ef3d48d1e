//! Matches that a seed determines, with links that close and open again, and with players that crash, hang,
//! restart, leave or are dishonest.

mod glue;
mod hostile;
mod logs;
mod oracle;
mod scenario;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::{
    oracle::{check_end, check_safety},
    scenario::scenario,
    world::{Action, MS, NOTICED, TIMEOUT, World},
};

/// The number of ticks that all players must play after the last action.
const PLAYED_ON: u32 = 60;

fn run(seed: u64, trace: bool) {
    let (mut world, kind) = scenario(seed);
    world.trace = trace;
    if let (true, Some((n, how))) = (trace, &world.hostile) {
        eprintln!("{n} is hostile: {:?}", how.trick);
    }
    let last = world.actions.iter().map(|(at, _)| *at).max().unwrap_or(0);
    let is_freeze = |(_, action): &(u64, Action)| matches!(action, Action::Freeze(_));
    let noticed = match world.actions.iter().any(is_freeze) {
        true => TIMEOUT + NOTICED,
        false => NOTICED,
    };
    let settled = last + noticed + 500 * MS;
    while world.now < settled {
        world.step();
    }
    let at: Vec<_> = (0..world.players.len()).map(|n| world.next(n)).collect();
    let has_played_on = |world: &World| {
        (0..at.len()).all(|n| !world.plays(n) || world.next(n) >= at[n] + PLAYED_ON)
    };
    let is_done =
        |world: &World| has_played_on(world) && world.is_quiet() && world.wrongly_lost().is_none();
    let deadline = settled + 120_000 * MS;
    while !is_done(&world) && world.now < deadline {
        world.step();
    }
    if trace {
        for (n, player) in world.players.iter().enumerate() {
            let next = world.next(n);
            eprintln!(
                "{n}: {:?} at {next} with {:?}",
                player.status, player.members
            );
        }
    }
    check_safety(&world);
    assert!(world.is_quiet(), "votes are never decided");
    for n in (0..at.len()).filter(|&n| world.plays(n)) {
        let next = world.next(n);
        assert!(next >= at[n] + PLAYED_ON, "{n} waits forever at {next}");
    }
    check_end(&world, kind);
}

/// Runs the match with the seed `HUDDLE_SEED`, or else `count` matches.
fn run_all(count: u64) {
    if let Some(seed) = std::env::var("HUDDLE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
    {
        return run(seed, true);
    }
    let failed: Vec<_> = (0..count)
        .filter(|&seed| catch_unwind(AssertUnwindSafe(|| run(seed, false))).is_err())
        .map(|seed| (seed, scenario(seed).1))
        .collect();
    assert!(
        failed.is_empty(),
        "failed with each HUDDLE_SEED of {failed:?}"
    );
}

#[test]
fn members_that_continue_together_agree_on_departures_and_ticks() {
    let count = std::env::var("HUDDLE_SEEDS")
        .ok()
        .and_then(|count| count.parse().ok());
    run_all(count.unwrap_or(300));
}
