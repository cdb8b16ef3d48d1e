//! Whole games: servers, native players and browsers, in a network of their own.

mod browsers;
mod departures;
mod goodbyes;
mod mixed;
mod pages;
mod pictures;
mod relay;
mod server_loss;
mod steps;

use std::process::ExitCode;

use huddle_tests::{Artifacts, Inside, enter_namespace};
use libtest_mimic::{Arguments, Trial};

type Scenario = fn(&Artifacts) -> anyhow::Result<()>;

const SCENARIOS: &[(&str, Scenario)] = &[
    (
        "index_leads_to_the_examples",
        pages::index_leads_to_the_examples,
    ),
    ("page_shows_how_far_it_is", pages::page_shows_how_far_it_is),
    ("page_says_what_is_wrong", pages::page_says_what_is_wrong),
    ("native_meets_native", mixed::native_meets_native),
    ("browsers_play_together", browsers::browsers_play_together),
    (
        "keys_reach_the_other_page",
        browsers::keys_reach_the_other_page,
    ),
    ("native_meets_browser", mixed::native_meets_browser),
    (
        "server_killed_and_back",
        server_loss::server_killed_and_back,
    ),
    ("killed_peer_is_gone", departures::killed_peer_is_gone),
    (
        "killed_peer_is_gone_without_server",
        departures::killed_peer_is_gone_without_server,
    ),
    ("killed_browser_is_gone", departures::killed_browser_is_gone),
    (
        "silence_is_no_goodbye_and_goodbyes_are_told_at_once",
        goodbyes::silence_is_no_goodbye_and_goodbyes_are_told_at_once,
    ),
    (
        "relay_only_hides_addresses",
        relay::relay_only_hides_addresses,
    ),
    (
        "screenshots_of_waiting_and_play",
        pictures::screenshots_of_waiting_and_play,
    ),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They measure latencies, and share a machine that may be small.
    arguments.test_threads = Some(1);
    if arguments.list {
        return run(&arguments, None, "");
    }
    match enter_namespace() {
        Ok(Inside::Done(code)) => code,
        Ok(Inside::Yes) => match Artifacts::find() {
            Ok(artifacts) => run(&arguments, Some(&artifacts), ""),
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        },
        Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
        Err(error) => run(
            &arguments,
            None,
            &format!("no network of its own: {error:#}"),
        ),
    }
}

/// Runs the scenarios; without artifacts they are only named, as ignored for that reason.
fn run(arguments: &Arguments, artifacts: Option<&Artifacts>, reason: &str) -> ExitCode {
    if !reason.is_empty() {
        println!("The scenarios are ignored: {reason}");
    }
    let trials = SCENARIOS
        .iter()
        .map(|&(name, scenario)| {
            let artifacts = artifacts.cloned();
            Trial::test(name, move || match artifacts {
                Some(artifacts) => {
                    scenario(&artifacts).map_err(|error| format!("{error:#}").into())
                }
                None => Err("there is nothing to test".into()),
            })
            .with_ignored_flag(!reason.is_empty())
        })
        .collect();
    libtest_mimic::run(arguments, trials).exit_code()
}
