//! Whole games: servers, native players and browsers, each scenario in a network of its own.

mod addresses;
mod bad_networks;
mod broken_links;
mod browsers;
mod cuts;
mod departures;
mod entry;
mod firefox;
mod first_game;
mod freezes;
mod goodbyes;
mod hostile;
mod hostile_servers;
mod identity;
mod leaks;
mod matchmaking;
mod mixed;
mod overload;
mod pages;
mod pictures;
mod process;
mod recording;
mod refusals;
mod relay;
mod rooms;
mod server_loss;
mod signaling;
mod steps;
mod stock;
mod table;
mod transfers;
mod trials;

use std::process::ExitCode;

use huddle_tests::{Artifacts, firefox_is_here};
use libtest_mimic::{Arguments, Trial};

use entry::{Entry, Machine};

/// How many of the scenarios that share the machine run at the same time: they mostly wait.
const SIDE_BY_SIDE: usize = 3;

fn main() -> ExitCode {
    if let Some(name) = process::requested() {
        return process::run_here(&name);
    }
    match run(Arguments::from_args()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the scenarios, each in a process of its own; those that cannot run here are only named, and ignored.
fn run(mut arguments: Arguments) -> anyhow::Result<ExitCode> {
    let (mut anywhere, mut in_firefox) = (None, None);
    if !arguments.list {
        let must_run = std::env::var("CI").is_ok_and(|ci| ci == "true");
        match process::check() {
            Ok(()) => anywhere = Some(Artifacts::find()?),
            Err(error) if must_run => return Err(error),
            Err(error) => println!("The scenarios are ignored: no network of their own: {error:#}"),
        }
        in_firefox = anywhere.clone();
        if anywhere.is_some()
            && let Err(error) = firefox_is_here()
            && !must_run
        {
            println!("Scenarios with Firefox are ignored: {error:#}");
            in_firefox = None;
        }
    }
    let trials = |machine| {
        let anywhere = table::anywhere()
            .into_iter()
            .map(|entry| (entry, &anywhere));
        let in_firefox = table::in_firefox()
            .into_iter()
            .map(|entry| (entry, &in_firefox));
        let all = anywhere.chain(in_firefox);
        all.filter(|((_, needed, _), _)| *needed == machine)
            .map(|(entry, artifacts)| trial(entry, artifacts.clone()))
            .collect()
    };
    arguments.test_threads.get_or_insert(SIDE_BY_SIDE);
    let shared = libtest_mimic::run(&arguments, trials(Machine::Shared));
    arguments.test_threads = Some(1);
    let alone = libtest_mimic::run(&arguments, trials(Machine::Alone));
    Ok(if shared.has_failed() {
        shared.exit_code()
    } else {
        alone.exit_code()
    })
}

fn trial((name, machine, _): Entry, artifacts: Option<Artifacts>) -> Trial {
    let ignored = artifacts.is_none();
    let trial = Trial::test(name, move || match artifacts {
        Some(artifacts) => {
            process::start(name, machine, &artifacts).map_err(|error| format!("{error:#}").into())
        }
        None => Err("there is nothing to test".into()),
    });
    trial.with_ignored_flag(ignored)
}
