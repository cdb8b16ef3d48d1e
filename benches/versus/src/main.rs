//! Rollback of this project beside other rollback libraries, over the same virtual network.
//!
//! `cargo xtask bench rollback` runs `all`, which prints the tables of `docs/benchmarks.md`.

mod cost;
mod duel;
mod fortress;
mod game;
mod ggrs;
mod huddle;
mod meter;
mod pace;
mod published;
mod rival;
mod step;
mod sweep;
mod table;

use std::alloc::System;

use clap::{Parser, Subcommand};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[derive(Parser)]
#[command(about = "Rollback beside other rollback libraries, over the same virtual network")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything below
    All {
        #[command(flatten)]
        sweep: sweep::Options,
        #[command(flatten)]
        cost: cost::Options,
    },
    /// Traffic, rollbacks and stalls in all cells, and what that is in proportion
    Sweep(#[command(flatten)] sweep::Options),
    /// Time and allocations per tick, of one player's session
    Cost(#[command(flatten)] cost::Options),
    /// Traffic between two players with inputs of 1 byte, at once and after half an hour
    Duel,
    /// The same with ggrs, in real time
    Ggrs,
    /// How soon players come to the same tick at the same time, and how nearly
    Pace,
}

fn main() {
    if cfg!(debug_assertions) {
        println!("Built without --release: the times below mean nothing.");
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
