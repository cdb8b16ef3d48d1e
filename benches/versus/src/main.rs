//! Compares the rollback of this project with other rollback libraries over the same virtual
//! network.
//!
//! `cargo xtask bench rollback` runs the `all` command, which prints the tables of
//! `docs/benchmarks.md`.

mod cost;
mod duel;
mod fortress;
mod game;
mod ggrs;
mod huddle;
mod meter;
mod pace;
mod player;
mod published;
mod step;
mod sweep;
mod table;

use std::alloc::System;

use clap::{Parser, Subcommand};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[derive(Parser)]
#[command(about = "Compares rollback libraries over the same virtual network")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all of the commands below
    All {
        #[command(flatten)]
        sweep: sweep::Options,
        #[command(flatten)]
        cost: cost::Options,
    },
    /// Measure traffic, rollbacks and stalls in all cells, and their ratios
    Sweep(#[command(flatten)] sweep::Options),
    /// Measure the time and allocations of one player's session per tick
    Cost(#[command(flatten)] cost::Options),
    /// Measure the traffic between two players with inputs of 1 byte, at the start and after 30
    /// minutes
    Duel,
    /// Measure the same traffic with ggrs, in real time
    Ggrs,
    /// Measure how fast and how closely the clocks of two players converge
    Pace,
}

fn main() {
    if cfg!(debug_assertions) {
        println!("This is a debug build. The times below are meaningless; use --release.");
    }
    match Options::parse().command {
        Command::All { sweep, cost } => {
            sweep::run(&sweep);
            cost::run(&cost);
            duel::run();
            duel::run_ggrs();
            pace::run();
        }
        Command::Sweep(options) => sweep::run(&options),
        Command::Cost(options) => cost::run(&options),
        Command::Duel => duel::run(),
        Command::Ggrs => duel::run_ggrs(),
        Command::Pace => pace::run(),
    }
}
