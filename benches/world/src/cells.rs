//! The cells of the comparison, and their goals.

use std::time::Duration;

use crate::{
    game::{Churn, Disjoint, Foos, Heap, Hierarchy, LargeComponents, Movers},
    library::{Game, Operation},
    measure::{self, Round},
    table,
};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Number of rounds; the median counts
    #[arg(long, default_value_t = 31)]
    rounds: usize,
    /// Duration of one measurement, in milliseconds
    #[arg(long, default_value_t = 4)]
    batch: u64,
    /// Measure only cells whose name contains this text
    #[arg(long)]
    only: Option<String>,
}

/// A measured world and operation.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) name: &'static str,
    operation: Operation,
    /// How many times faster than bevy_ggrs this project should be.
    pub(crate) goal: f64,
    /// The goal for the time without the simulation, in bare copies.
    pub(crate) copies: Option<f64>,
    pub(crate) is_free_of_allocations: bool,
    rounds: fn(Operation, usize, Duration) -> Vec<Round>,
    repeat: fn(Operation, Duration),
}

impl Cell {
    fn new<G: Game>(name: &'static str, operation: Operation, goal: f64) -> Self {
        Self {
            name,
            operation,
            goal,
            copies: None,
            is_free_of_allocations: true,
            rounds: measure::rounds::<G>,
            repeat: measure::repeat::<G>,
        }
    }

    fn of_ggrs<G: Game>(name: &'static str, operation: Operation) -> Self {
        Self {
            copies: Some(4.0),
            ..Self::new::<G>(name, operation, 50.0)
        }
    }

    /// Despawns, or clones of the game's own types, may allocate.
    fn allocating(self) -> Self {
        Self {
            is_free_of_allocations: false,
            ..self
        }
    }

    fn all() -> Vec<Self> {
        use Operation::{AdvanceAndLoad, AdvanceAndSave, Rollback};
        vec![
            Self::of_ggrs::<Foos>("advance and load, 1000", AdvanceAndLoad),
            Self::of_ggrs::<Foos>("advance and save, 1000", AdvanceAndSave),
            Self::of_ggrs::<Disjoint>("advance and load, 3000 disjoint", AdvanceAndLoad),
            Self::of_ggrs::<Disjoint>("advance and save, 3000 disjoint", AdvanceAndSave),
            Self::new::<Movers<1000>>("3 × 1000", Rollback, 20.0),
            Self::new::<Movers<10_000>>("3 × 10 000", Rollback, 40.0),
            Self::new::<Hierarchy>("hierarchy", Rollback, 50.0),
            Self::new::<LargeComponents>("1 KiB", Rollback, 5.0),
            Self::new::<Churn<50>>("churn", Rollback, 4.0).allocating(),
            Self::new::<Heap<false>>("heap, unchanged", Rollback, 3.0),
            Self::new::<Heap<true>>("heap, changing", Rollback, 3.0).allocating(),
        ]
    }
}

/// Repeats the operations of some cells without the other library, for a profiler.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ProfileOptions {
    /// The cells whose name contains this text
    only: String,
    /// Duration of each cell, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

/// Repeats the operations of cells of this project.
pub(crate) fn profile(options: &ProfileOptions) {
    for cell in Cell::all() {
        if cell.name.contains(&options.only) {
            (cell.repeat)(cell.operation, Duration::from_secs(options.seconds));
        }
    }
}

/// Measures all cells and prints a row for each.
pub(crate) fn run(options: &Options) {
    table::print_head(options.rounds);
    for cell in Cell::all() {
        let is_selected = |only: &String| cell.name.contains(only.as_str());
        if options.only.as_ref().is_none_or(is_selected) {
            let batch = Duration::from_millis(options.batch);
            let rounds = (cell.rounds)(cell.operation, options.rounds, batch);
            table::print_row(&cell, &rounds);
        }
    }
}
