//! `cargo xtask bench transport`: huddle_mesh compared with matchbox_socket.
//!
//! Each peer is a process. For each cell, the libraries take turns over the same network, so that
//! both run under the same conditions, and the result is the median of the ratios of the pairs.

mod cell;
mod measure;
mod network;
mod options;
mod peer;
mod results;
mod statistics;
mod table;

use std::{
    fs,
    process::{Command, ExitCode},
};

use anyhow::Context;
use clap::Parser;
use network_lab::{Isolation, Lab, isolate};

use cell::Cell;
use network::Network;
use options::{Library, Options};
use results::Results;

/// The argument of a process that checks whether this machine can run a virtual network.
const CHECK: &str = "check-network";
/// The argument of a process that measures in new namespaces.
const ISOLATED: &str = "isolated";

fn main() -> anyhow::Result<ExitCode> {
    match std::env::args().nth(1).as_deref() {
        Some(CHECK) => in_namespaces(|| {
            Lab::new(1)?.host("check")?;
            Ok(())
        }),
        Some(ISOLATED) => in_namespaces(|| {
            let options = Options::parse_from(std::env::args().skip(1));
            measure_all(&options, &Network::ALL)
        }),
        _ => start(),
    }
}

/// Measures all cells in new namespaces, or only those without a virtual network if this machine
/// has no namespaces.
fn start() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let program = std::env::current_exe()?;
    let check = Command::new(&program)
        .arg(CHECK)
        .env("RUST_BACKTRACE", "0")
        .output()?;
    if !check.status.success() {
        println!(
            "The cells with loss are SKIPPED, because this machine has no virtual networks: {}\n\
             Run as root on Linux, with iproute2 installed.\n",
            String::from_utf8_lossy(&check.stderr).trim()
        );
        measure_all(&options, &[Network::Clean])?;
        return Ok(ExitCode::SUCCESS);
    }
    let status = Command::new(&program)
        .arg(ISOLATED)
        .args(std::env::args_os().skip(1))
        .status()?;
    Ok(ExitCode::from(u8::from(!status.success())))
}

fn in_namespaces(function: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    match isolate()? {
        Isolation::Done(code) => Ok(code),
        Isolation::Isolated => function().map(|()| ExitCode::SUCCESS),
    }
}

fn measure_all(options: &Options, networks: &[Network]) -> anyhow::Result<()> {
    let cells: Vec<Cell> = Cell::all()
        .into_iter()
        .filter(|cell| networks.contains(&cell.network))
        .filter(|cell| {
            options
                .only
                .as_ref()
                .is_none_or(|only| cell.title().contains(only))
        })
        .collect();
    let mut all = Vec::new();
    for (number, cell) in cells.iter().enumerate() {
        eprintln!("{}/{}: {}", number + 1, cells.len(), cell.title());
        all.push(measure_cell(options, cell));
    }
    println!("{}", table::of(&all));
    if let Some(file) = &options.json {
        let json = serde_json::to_string_pretty(&all)?;
        fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))?;
        println!("All runs: {}", file.display());
    }
    Ok(())
}

/// Alternates between the libraries. Pairs in which a library fails are left out and reported.
fn measure_cell(options: &Options, cell: &Cell) -> Results {
    let mut results = Results::new(cell.title(), cell.group());
    for pair in 0..options.pairs() {
        // Neither library always runs first.
        let mut order = [Library::Huddle, Library::Matchbox];
        if pair % 2 == 1 {
            order.reverse();
        }
        let mut runs = order.map(|library| {
            let run = measure::run(options, cell, library, pair);
            run.map_err(|error| {
                eprintln!("  {}, pair {pair}: {error:#}", library.name());
                results
                    .failures
                    .push(format!("{}: {error:#}", library.name()));
            })
        });
        if pair % 2 == 1 {
            runs.reverse();
        }
        if let [Ok(huddle), Ok(matchbox)] = runs {
            results.add(&huddle, &matchbox);
        }
    }
    results
}
