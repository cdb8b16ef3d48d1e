//! Measures replicated entities on a virtual network: how old received values are, how long a peer that
//! joins waits, how long peers disagree about an owner, and how many allocations packets need.
//!
//! `cargo xtask bench snapshots` runs this program in release mode. It prints the tables of
//! `docs/benchmarks.md`. Time is virtual and the network has a seed, so that all figures except those of
//! wall time and allocations are the same in every run.

mod allocations;
mod allocator;
mod bodies;
mod body;
mod budgets;
mod claims;
mod cost;
mod histogram;
mod join;
mod messages;
mod meter;
mod network;
mod room;
mod staleness;
mod time;

use clap::{Parser, ValueEnum};

#[derive(Parser)]
struct Options {
    /// What to measure [default: everything]
    what: Option<What>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// The age of received values, and the traffic
    Staleness,
    /// The time until a peer that joins has every entity
    Join,
    /// The time from a claim until all peers agree
    Claims,
    /// The allocations per packet
    Allocations,
}

fn main() {
    let options = Options::parse();
    let tables = [
        (What::Staleness, staleness::table as fn()),
        (What::Join, join::table),
        (What::Claims, claims::table),
        (What::Allocations, allocations::table),
    ];
    if cfg!(debug_assertions) {
        println!("This is a debug build. Wall times are meaningless; use --release.\n");
    }
    for (what, table) in tables {
        if options.what.is_none_or(|only| only == what) {
            table();
            println!();
        }
    }
}
