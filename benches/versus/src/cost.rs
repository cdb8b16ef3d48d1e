use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region};

use huddle_sim::Cell;

use crate::{
    fortress::Fortress,
    huddle::{Alone, Whole},
    rival::{self, Clock, Outcome, Rival, Step},
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

/// Measures what sessions cost, without the network between them.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// What comes before this step is not counted.
    warm_up: u32,
    ticks: u64,
    /// What each step took.
    times: Vec<Duration>,
    allocations: u64,
    allocated: u64,
}

/// What one player's session costs per tick that was simulated for the first time. The slowest of a
/// hundred steps is left out: in that another program was given the core.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) micros: f64,
    pub(crate) allocations: f64,
    pub(crate) allocated_bytes: f64,
}

impl Meter {
    pub(crate) fn after(warm_up: u32) -> Self {
        Self {
            warm_up,
            ..Self::default()
        }
    }

    pub(crate) fn measure(&mut self, step: u32, work: impl FnOnce() -> Step) -> Step {
        let region = Region::new(&INSTRUMENTED_SYSTEM);
        let started = Instant::now();
        let did = work();
        let time = started.elapsed();
        let change = region.change();
        if step >= self.warm_up {
            self.ticks += u64::from(did.outcome == Outcome::Simulated);
            self.times.push(time);
            self.allocations += (change.allocations + change.reallocations) as u64;
            // Growing counts as far as it grows.
            self.allocated += (change.bytes_allocated as u64)
                .saturating_add_signed(change.bytes_reallocated as i64);
        }
        did
    }

    pub(crate) fn cost(&self) -> Cost {
        let ticks = self.ticks.max(1) as f64;
        let mut times = self.times.clone();
        times.sort_unstable();
        times.truncate(times.len() - times.len() / 100);
        let time: Duration = times.iter().sum();
        let share = self.times.len() as f64 / times.len().max(1) as f64;
        Cost {
            micros: time.as_secs_f64() * share * 1e6 / ticks,
            allocations: self.allocations as f64 / ticks,
            allocated_bytes: self.allocated as f64 / ticks,
        }
    }
}
