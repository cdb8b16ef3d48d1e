use huddle_sim::Cell;

use crate::{
    fortress::Fortress,
    huddle::{Alone, Whole},
    meter::{Cost, Meter},
    rival::{self, Clock, Rival},
};

/// Steps that are not measured.
const WARM_UP: u32 = 500;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Ticks to measure, after 500 to warm up
    #[arg(long, default_value_t = 2000)]
    ticks: u32,
    /// How often everything is measured; the least counts, as other programs make nothing faster
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// Measure one library only
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// With so many players only
    #[arg(long)]
    players: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    /// The session of this project without the room that carries its packets
    Alone,
    /// The session in a room
    Whole,
    /// fortress-rollback
    Fortress,
}

type Measure = fn(&Cell) -> Cost;

/// Measures all of them.
pub(crate) fn run(options: &Options) {
    println!(
        "\n## Cost per player and tick, on Wi-Fi, without the slowest of 100 steps, the least of {} runs\n\n\
         | | players | µs | allocations | bytes allocated |\n|---|--:|--:|--:|--:|",
        options.runs
    );
    let wanted = |what| options.only.is_none_or(|only| only == what);
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
            (Only::Alone, Alone::NAME, measure::<Alone>),
            (Only::Whole, Whole::NAME, measure::<Whole>),
            (Only::Fortress, Fortress::NAME, measure::<Fortress>),
        ];
        let mut costs = [None::<Cost>; 3];
        // In turns, so that all meet the same machine.
        for _ in 0..options.runs {
            for (least, (what, _, measure)) in costs.iter_mut().zip(all) {
                if wanted(what) {
                    let cost = measure(&cell);
                    if least.is_none_or(|least| cost.micros < least.micros) {
                        *least = Some(cost);
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

fn measure<R: Rival>(cell: &Cell) -> Cost {
    let mut meter = Meter::after(WARM_UP);
    rival::play::<R>(cell, Clock::Virtual, &mut meter);
    meter.cost()
}
