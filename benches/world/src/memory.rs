//! Memory over an hour of virtual play.

use std::fs;

use bevy_huddle::Tick;
use stats_alloc::{INSTRUMENTED_SYSTEM, Stats};

use crate::{
    game::Churn,
    huddle::Huddle,
    library::{Operation, Subject},
};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Number of ticks; the default is an hour at 60 Hz
    #[arg(long, default_value_t = 216_000)]
    ticks: u32,
}

/// Plays a match in which 10 entities are spawned and despawned in each tick. Each tick rolls back
/// by 0 to 7 ticks, so each entity is spawned several times.
pub(crate) fn run(options: &Options) {
    println!(
        "\n## Memory over {} ticks, with 10 spawns and despawns per tick\n\n\
         | ticks | live heap memory, B | live allocations | resident memory, kB |\n\
         |--:|--:|--:|--:|",
        options.ticks
    );
    let before = INSTRUMENTED_SYSTEM.stats();
    let mut game = Huddle::new::<Churn<10>>(Operation::Rollback);
    let tenth = (options.ticks / 10).max(1);
    for tick in 0..options.ticks {
        // Different depths, without a pattern that the ticks share.
        let depth = tick.wrapping_mul(0x9e37_79b1) >> 29;
        game.roll_back(Tick(tick), depth + 1);
        game.confirm(Tick(tick));
        if (tick + 1).is_multiple_of(tenth) {
            print_row(tick + 1, &before);
        }
    }
}

fn print_row(ticks: u32, before: &Stats) {
    let now = INSTRUMENTED_SYSTEM.stats();
    // Both include the bytes by which reallocations grow and shrink.
    let bytes = |stats: &Stats| stats.bytes_allocated as i64 - stats.bytes_deallocated as i64;
    let count = |stats: &Stats| stats.allocations as i64 - stats.deallocations as i64;
    println!(
        "| {ticks} | {} | {} | {} |",
        bytes(&now) - bytes(before),
        count(&now) - count(before),
        resident_kilobytes().map_or_else(|| "unknown".into(), |kilobytes| kilobytes.to_string()),
    );
}

/// Returns the resident memory of this process. Only Linux has this file.
fn resident_kilobytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}
