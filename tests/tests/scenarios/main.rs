//! End-to-end scenarios with servers, native players and browsers. Each scenario runs in its own
//! network.

mod addresses;
mod bad_networks;
mod broken_links;
mod browsers;
mod cubes;
mod cuts;
mod departure_reasons;
mod departures;
mod determinism;
mod doctor;
mod duel;
mod entry;
mod firefox;
mod first_game;
mod freezes;
mod hostile;
mod hostile_servers;
mod identity;
mod instances;
mod leaks;
mod matches;
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
mod small_examples;
mod steps;
mod stock;
mod storms;
mod table;
mod tokens;
mod transfers;
mod trials;

use std::process::ExitCode;

use huddle_tests::{Artifacts, check_firefox};
use libtest_mimic::{Arguments, Trial};

use entry::{Entry, Machine};

/// The number of `Shared` scenarios that run at the same time. They mostly wait.
const PARALLEL_SCENARIOS: usize = 3;

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

/// Runs each scenario in its own process. Scenarios that cannot run on this machine are listed as
/// ignored.
fn run(mut arguments: Arguments) -> anyhow::Result<ExitCode> {
    let (mut without_firefox, mut with_firefox) = (None, None);
    if !arguments.list {
        let must_run = std::env::var("CI").is_ok_and(|ci| ci == "true");
        match process::check() {
            Ok(()) => without_firefox = Some(Artifacts::find()?),
            Err(error) if must_run => return Err(error),
            Err(error) => println!(
                "The scenarios are ignored, because they cannot create a network: {error:#}"
            ),
        }
        with_firefox = without_firefox.clone();
        if without_firefox.is_some()
            && let Err(error) = check_firefox()
            && !must_run
        {
            println!("The scenarios with Firefox are ignored: {error:#}");
            with_firefox = None;
        }
    }
    let trials = |machine| {
        let without_firefox = table::without_firefox()
            .into_iter()
            .map(|entry| (entry, &without_firefox));
        let with_firefox = table::with_firefox()
            .into_iter()
            .map(|entry| (entry, &with_firefox));
        let all = without_firefox.chain(with_firefox);
        all.filter(|((_, needed, _), _)| *needed == machine)
            .map(|(entry, artifacts)| trial(entry, artifacts.clone()))
            .collect()
    };
    arguments.test_threads.get_or_insert(PARALLEL_SCENARIOS);
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
        Some(artifacts) => process::start(name, machine, &artifacts).map_err(|error| {
            // The list of failures appears only at the end, which a run that is cut off never reaches.
            let reason = format!("{error:#}");
            println!("   failed: {reason}");
            reason.into()
        }),
        None => Err("the artifacts are missing".into()),
    });
    trial.with_ignored_flag(ignored)
}
