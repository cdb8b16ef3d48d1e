//! Other rollback libraries over the virtual network that rollback is tested with here.
//!
//! `cargo run --release -- sweep`: what they send and how smoothly they play. `-- cost`: what their
//! sessions cost in time and allocations. `-- ggrs`: the first for ggrs, in real time.

mod cost;
mod fortress;
mod game;
mod ggrs;
mod published;
mod rival;
mod table;

use std::{alloc::System, time::Duration};

use clap::{Parser, Subcommand};
use huddle_sync::rollback::sim::{Cell, CellResult};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use cost::Meter;
use fortress::Fortress;
use ggrs::Ggrs;
use rival::{Clock, Rival};
use table::Row;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[derive(Parser)]
#[command(about = "Other rollback libraries over the virtual network of this project")]
struct Options {
    /// Print a JSON object per line instead of tables.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Traffic, rollbacks and stalls in all cells.
    Sweep {
        /// Play every cell with so many seeds and tell the mean.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        seeds: u64,
    },
    /// Time and allocations per tick, of one player's session.
    Cost {
        /// Ticks to measure, after 500 to warm up.
        #[arg(long, default_value_t = 2000)]
        ticks: u32,
    },
    /// Traffic of ggrs between two players, in real time.
    Ggrs,
}

/// How the same cells are played.
struct Setting {
    title: &'static str,
    delay: u32,
    /// By the count of this project, which is one less than by theirs.
    window: u32,
}

const SETTINGS: [Setting; 3] = [
    Setting {
        title: "as published: input delay 1, prediction window 8",
        delay: 1,
        window: 7,
    },
    Setting {
        title: "input delay 0, prediction window 8",
        delay: 0,
        window: 7,
    },
    Setting {
        title: "input delay 0, prediction window 9: as many ticks predicted as in this project's cells",
        delay: 0,
        window: 8,
    },
];

fn main() {
    let options = Options::parse();
    match options.command {
        Command::Sweep { seeds } => sweep(seeds, options.json),
        Command::Cost { ticks } => cost(ticks, options.json),
        Command::Ggrs => real_time(options.json),
    }
}

fn sweep(seeds: u64, json: bool) {
    for setting in &SETTINGS {
        if !json {
            table::print_header(&format!("{}, {}", Fortress::NAME, setting.title));
        }
        for cell in &Cell::SWEEP {
            // Only with delay was it published.
            let published = published::SWEEP
                .iter()
                .find(|row| row.cell == cell.name && setting.delay == 1);
            let cell = Cell {
                delay: setting.delay,
                window: setting.window,
                steps: published.map_or(cell.steps, |row| row.steps),
                ..*cell
            };
            let result = play_seeds::<Fortress>(&cell, seeds);
            if json {
                print_json::<Fortress>(setting.title, result);
                continue;
            }
            table::print_result(&cell, &result);
            if let Some(published) = published {
                table::print_published(&cell, &result, published);
            }
        }
    }
}

fn play_seeds<R: Rival>(cell: &Cell, seeds: u64) -> CellResult {
    let (mut tallies, mut ideal) = (Vec::new(), Vec::new());
    for seed in cell.seed..cell.seed + seeds {
        let cell = Cell { seed, ..*cell };
        let mut meter = Meter::default();
        tallies.extend(rival::play::<R>(&cell, Clock::Virtual, &mut meter));
        ideal.extend(cell.ideal());
    }
    CellResult::new(cell, &tallies, &ideal)
}

fn cost(ticks: u32, json: bool) {
    const WARM_UP: u32 = 500;
    if !json {
        println!("\n## {}, per player and tick on Wi-Fi\n", Fortress::NAME);
        println!("| players | µs | allocations | bytes allocated |\n|--:|--:|--:|--:|");
    }
    for players in [2, 4, 8, 16] {
        let cell = Cell {
            players,
            steps: WARM_UP + ticks,
            ..Cell::WIFI_2
        };
        let mut meter = Meter::after(WARM_UP);
        rival::play::<Fortress>(&cell, Clock::Virtual, &mut meter);
        let cost = meter.cost(players);
        if json {
            println!(
                "{}",
                serde_json::json!({ "rival": Fortress::NAME, "cost": cost })
            );
        } else {
            println!(
                "| {players} | {:.2} | {:.1} | {:.0} |",
                cost.micros, cost.allocations, cost.allocated_bytes
            );
        }
    }
}

fn real_time(json: bool) {
    let cell = Cell {
        name: "2 at 100 ms",
        rtt: Duration::from_millis(100),
        input_bytes: 1,
        window: 7,
        step: Duration::from_micros(16_667),
        ..Cell::LAN_2
    };
    let tallies = rival::play::<Ggrs>(&cell, Clock::System, &mut Meter::default());
    let result = CellResult::new(&cell, &tallies, &cell.ideal());
    let title = "input delay 0, prediction window 8, inputs of 1 byte, 60 Hz";
    if json {
        print_json::<Ggrs>(title, result);
    } else {
        table::print_header(&format!("{}, {title}", Ggrs::NAME));
        table::print_result(&cell, &result);
    }
}

fn print_json<R: Rival>(setting: &str, result: CellResult) {
    let row = Row {
        rival: R::NAME,
        setting,
        result,
    };
    println!(
        "{}",
        serde_json::to_string(&row).expect("numbers and texts")
    );
}
