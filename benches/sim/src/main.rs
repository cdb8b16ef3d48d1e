//! `cargo xtask sim`: whole games by rollback on a virtual clock and network.

mod cells;
mod matrix;
mod options;
mod scene;
mod summary;

use std::process::ExitCode;

use clap::Parser;

use options::{Options, Plan};

fn main() -> ExitCode {
    let plan = Options::parse().plan().unwrap_or_else(|error| error.exit());
    let holds = match plan {
        Plan::Cells { cells, seeds, json } => {
            cells::play(&cells, seeds, json);
            true
        }
        Plan::Scene(scenario) => scene::play(&scenario),
        Plan::Matrix { seeds, length } => matrix::play(seeds, length),
    };
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
