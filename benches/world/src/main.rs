//! Compares the world store of this project with bevy_ggrs, on the same worlds and in the same run.
//!
//! `cargo xtask bench world` prints the tables of `docs/benchmarks.md`.

mod cell;
mod cells;
mod columns;
mod game;
mod ggrs;
mod huddle;
mod library;
mod measure;
mod memory;
mod table;

use std::alloc::System;

use clap::{Parser, Subcommand};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[derive(Parser)]
#[command(about = "Compares the world store of this project with bevy_ggrs")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all of the commands below
    All {
        #[command(flatten)]
        times: cells::Options,
        #[command(flatten)]
        memory: memory::Options,
    },
    /// Measure the time and allocations of saves, loads and rollbacks
    Times(#[command(flatten)] cells::Options),
    /// Measure the memory of a long match in which entities are spawned and despawned constantly
    Memory(#[command(flatten)] memory::Options),
    /// Run only this project's part of some cells, for a profiler
    Profile(#[command(flatten)] cells::ProfileOptions),
}

fn main() {
    if cfg!(debug_assertions) {
        println!("This is a debug build. The times below are meaningless; use --release.");
    }
    match Options::parse().command {
        Command::All { times, memory } => {
            cells::run(&times);
            memory::run(&memory);
        }
        Command::Times(options) => cells::run(&options),
        Command::Memory(options) => memory::run(&options),
        Command::Profile(options) => cells::profile(&options),
    }
}
