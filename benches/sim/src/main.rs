//! `cargo xtask sim`: simulates whole rollback matches on a virtual clock and network.

mod cells;
mod kinds;
mod matrix;
mod options;
mod single;
mod summary;

use std::process::ExitCode;

use clap::Parser;

use options::{Options, Plan};

fn main() -> ExitCode {
    let plan = Options::parse().plan().unwrap_or_else(|error| error.exit());
    let has_passed = match plan {
        Plan::Cells { cells, seeds, json } => {
            cells::play(&cells, seeds, json);
            true
        }
        Plan::Match(scenario) => single::play(&scenario),
        Plan::Matrix {
            only,
            seeds,
            length,
        } => matrix::play(&kinds::kinds(only), seeds, length),
    };
    if has_passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
