//! Measures the time and allocations of a simulated tick.

use huddle_sim::Cell;

use crate::{
    fortress::Fortress,
    huddle::{SessionAlone, SessionInRoom},
    meter::{Cost, Meter},
    player::{self, Clock, Player},
};

/// The number of steps before the measurement.
const WARM_UP: u32 = 500;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Number of measured ticks, after 500 ticks of warm-up
    #[arg(long, default_value_t = 2000)]
    ticks: u32,
    /// Number of measurements; the lowest counts, because other programs can only slow down a run
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// Measure only this library
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// Measure only matches with this number of players
    #[arg(long)]
    players: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    /// The session of this project without the room that sends its packets
    Session,
    /// The session of this project in a room
    Room,
    /// fortress-rollback
    Fortress,
}

type Measure = fn(&Cell) -> Cost;

/// Prints a row for each library and number of players.
pub(crate) fn run(options: &Options) {
    println!(
        "\n## Cost per player and tick, on Wi-Fi, without the slowest of 100 steps, lowest of {} runs\n\n\
         | | players | µs | allocations | bytes allocated |\n|---|--:|--:|--:|--:|",
        options.runs
    );
    let is_selected = |library| options.only.is_none_or(|only| only == library);
    for players in [2, 4, 8, 16] {
        if options.players.is_some_and(|only| only != players) {
            continue;
        }
        let cell = Cell {
            players,
            steps: WARM_UP + options.ticks,
            ..Cell::WIFI_2
        };
        let all: [(Only, &str, Measure); 3] = [
            (Only::Session, SessionAlone::NAME, measure::<SessionAlone>),
            (Only::Room, SessionInRoom::NAME, measure::<SessionInRoom>),
            (Only::Fortress, Fortress::NAME, measure::<Fortress>),
        ];
        let mut costs = [None::<Cost>; 3];
        // The libraries take turns, so that a busy machine affects all of them.
        for _ in 0..options.runs {
            for (lowest, (library, _, measure)) in costs.iter_mut().zip(all) {
                if is_selected(library) {
                    let cost = measure(&cell);
                    if lowest.is_none_or(|lowest| cost.micros < lowest.micros) {
                        *lowest = Some(cost);
                    }
                }
            }
        }
        for (cost, (_, name, _)) in costs.into_iter().zip(all) {
            if let Some(cost) = cost {
                println!(
                    "| {name} | {players} | {:.2} | {:.3} | {:.1} |",
                    cost.micros, cost.allocations, cost.allocated_bytes
                );
            }
        }
    }
}

fn measure<P: Player>(cell: &Cell) -> Cost {
    let mut meter = Meter::after(WARM_UP);
    player::play::<P>(cell, Clock::Virtual, &mut meter);
    meter.cost()
}
