//! What a room costs: packets and bytes per link, and time and allocations per frame.
//!
//! `cargo xtask bench room` runs this in release and prints the tables of `docs/benchmarks.md`.

mod frame;
mod game;
mod traffic;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// Counts what each frame allocates.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    if cfg!(debug_assertions) {
        println!("Built without --release: the times below mean nothing.\n");
    }
    traffic::table();
    println!();
    frame::table();
}
