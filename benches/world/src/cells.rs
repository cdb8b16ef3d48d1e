//! Measures the cells.

use std::time::Duration;

use crate::{cell::Cell, table};

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
