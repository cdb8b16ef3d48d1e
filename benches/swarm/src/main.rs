//! Drives signaling servers with scripted clients, and measures the servers.
//!
//! One thread runs all clients, because they share the CPUs with the server. Each client joins,
//! answers pings, and exchanges signals with the lengths of real ones.

mod cell;
mod client;
mod connect;
mod event;
mod figure;
mod frame;
mod options;
mod server;
mod shared;
mod signal;
mod statistics;
mod stock;
mod swarm;
mod table;
mod target;
#[cfg(test)]
mod tests;
mod usage;

use std::path::PathBuf;

use anyhow::Context;
use cell::{Cell, Scale, Subject};
use clap::Parser;
use connect::{Route, tls_connector};
use figure::{Figure, Results};
use options::{Command, Options};
use server::{Program, Programs, Server};
use tokio::{
    runtime::{Builder, Runtime},
    task::LocalSet,
};
use usage::Processes;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    options.check()?;
    // Each client needs one.
    rlimit::increase_nofile_limit(u64::MAX)?;
    if let Some(Command::Stock { bind }) = options.command {
        // As `#[tokio::main]`, with which matchbox's own program runs.
        return Runtime::new()?.block_on(stock::serve(bind));
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let all = LocalSet::new().block_on(&runtime, measure_all(&options))?;
    println!("{}", table::of(&all));
    Ok(())
}

async fn measure_all(options: &Options) -> anyhow::Result<Vec<Results>> {
    let cells = options.cells();
    let mut all = Vec::new();
    for (n, &cell) in cells.iter().enumerate() {
        eprintln!("{}/{}: {}", n + 1, cells.len(), cell.title());
        let mut results = Results::new(cell.title());
        for round in 0..options.rounds {
            let result = if options.url.is_empty() {
                compare(options, cell, round, &mut results).await
            } else {
                measure_given(options, cell, &mut results).await
            };
            if let Err(error) = result {
                eprintln!("  {error:#}");
                results.failures.push(format!("{error:#}"));
            }
        }
        all.push(results);
    }
    Ok(all)
}

fn scale(options: &Options) -> Scale {
    Scale {
        quick: options.quick,
    }
}

/// Measures both servers one after the other. Neither always runs first.
async fn compare(
    options: &Options,
    cell: Cell,
    round: u32,
    results: &mut Results,
) -> anyhow::Result<()> {
    let programs = Programs {
        huddle: match &options.server {
            Some(path) => path.clone(),
            None => beside_this_program("huddle-signaling")?,
        },
        arguments: options.server_arg.clone(),
    };
    let mut order = vec![Program::Huddle];
    if cell.has_stock() {
        order.push(Program::Stock);
    }
    if round % 2 == 1 {
        order.reverse();
    }
    let (mut huddle, mut stock) = (Vec::new(), Vec::new());
    for program in order {
        let run = async {
            let (arguments, tls) = (cell.arguments(), cell.needs_tls());
            let server = Server::start(&programs, program, arguments, tls).await?;
            let subject = Subject::Started(Box::new(server));
            cell.run(subject, scale(options)).await
        };
        let figures = run.await.with_context(|| program.name())?;
        print(program.name(), &figures);
        match program {
            Program::Huddle => huddle = figures,
            Program::Stock => stock = figures,
        }
    }
    results.add(&huddle, &stock);
    Ok(())
}

/// Measures servers that the user has started.
async fn measure_given(options: &Options, cell: Cell, results: &mut Results) -> anyhow::Result<()> {
    let tls = options.ca.as_deref().map(tls_connector).transpose()?;
    let routes = options
        .url
        .iter()
        .map(|&target| Route::new(target, tls.clone()));
    let routes = routes.collect::<anyhow::Result<_>>()?;
    let subject = Subject::Given(routes, Processes(options.pid.clone()));
    let figures = cell.run(subject, scale(options)).await?;
    print("", &figures);
    results.add(&figures, &[]);
    Ok(())
}

/// Shows the progress.
fn print(name: &str, figures: &[Figure]) {
    for figure in figures {
        eprintln!("  {name} {}: {:.2}", figure.name, figure.value);
    }
}

fn beside_this_program(name: &str) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.parent().context("this program has no folder")?;
    Ok(folder.join(name))
}
