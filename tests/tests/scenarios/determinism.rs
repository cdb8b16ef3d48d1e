//! The results of the simulation on different platforms.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use huddle_tests::{
    Artifacts, Browser, Difference, InputLog, Native, Page, Player, Server, wait_until,
};

use crate::steps::LOAD_TIMEOUT;

/// The length of the log.
const TICKS: u32 = 10_000;

/// The maximum time to simulate the log.
const LOG_TIMEOUT: Duration = Duration::from_secs(60);

/// The number of digits of a checksum.
const DIGITS: usize = 16;

/// The number of values that a failure shows.
const SHOWN: usize = 3;

/// Native plays the log without rollbacks, and the browsers with different ones.
pub(crate) fn input_log_gives_the_same_states_on_all_platforms(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let logs = simulate(artifacts, TICKS)?;
    for (name, log) in &logs {
        ensure!(
            log.checksums.len() == TICKS as usize * DIGITS,
            "{name}: checksums are missing"
        );
        ensure!(
            log.archetypes >= 200,
            "{name}: only {} archetypes",
            log.archetypes
        );
        ensure!(log.spawned >= 1000, "{name}: only {} bodies", log.spawned);
        ensure!(
            (log.rollbacks > 0) == (*name != "native"),
            "{name}: {} rollbacks",
            log.rollbacks
        );
    }
    for (name, log) in &logs[1..] {
        let Some(tick) = first_difference(&logs[0].1.checksums, &log.checksums) else {
            continue;
        };
        // The values of the first state that differs.
        let again = simulate(artifacts, tick + 1)?;
        let log = again
            .iter()
            .find(|(other, _)| other == name)
            .context("a player is missing")?;
        let values = again[0].1.values.iter().zip(&log.1.values);
        let values = values.filter(|(native, page)| native != page).take(SHOWN);
        let values: Vec<_> = values
            .map(|(native, page)| format!("\n{native}\n{page}"))
            .collect();
        bail!(
            "{name} differs from native after tick {tick}:{}",
            values.concat()
        );
    }
    Ok(())
}

/// Simulates the log natively and in both browsers at the same time. Returns each player's name and report.
fn simulate(artifacts: &Artifacts, ticks: u32) -> anyhow::Result<Vec<(&'static str, InputLog)>> {
    let server = Server::start(artifacts)?;
    let log = ticks.to_string();
    let mut native = Native::measuring(artifacts, "native", &server, "log-0", 1, &[("log", &log)])?;
    let mut chromium = Browser::chromium("Chromium", Page::SMALL)?;
    let mut firefox = Browser::firefox("Firefox", Page::SMALL)?;
    for (page, number) in [(&mut chromium, 1), (&mut firefox, 2)] {
        let query = format!("render=off&room=log-{number}&log={log}&mispredictions={number}");
        page.open(&server.player(&query))?;
    }
    let players: &mut [&mut dyn Player] = &mut [&mut native, &mut chromium, &mut firefox];
    wait_until(players, LOAD_TIMEOUT, "all players report", |_| true)?;
    let mut logs = Vec::new();
    let took = wait_until(players, LOG_TIMEOUT, "the log is simulated", |reports| {
        logs = reports
            .iter()
            .filter_map(|report| report.input_log.clone())
            .collect();
        logs.iter().filter(|log| log.rollback_us.is_some()).count() == reports.len()
    })?;
    println!("   {ticks} ticks in {:.1} s", took.as_secs_f64());
    let logs: Vec<_> = ["native", "Chromium", "Firefox"]
        .into_iter()
        .zip(logs)
        .collect();
    for (name, log) in &logs {
        println!(
            "   {name}: {} bodies in {} archetypes, {} rollbacks; a rollback of 8 ticks takes {:?} us (median, maximum)",
            log.bodies,
            log.archetypes,
            log.rollbacks,
            log.rollback_us.unwrap_or_default(),
        );
    }
    Ok(logs)
}

/// Returns the first tick after which the checksums differ.
fn first_difference(a: &str, b: &str) -> Option<u32> {
    let pairs = a.as_bytes().chunks(DIGITS).zip(b.as_bytes().chunks(DIGITS));
    (0..)
        .zip(pairs)
        .find_map(|(tick, (a, b))| (a != b).then_some(tick))
}

/// The tick from which on the players' results differ.
const SINE: u32 = 120;

/// The maximum number of ticks until both players have a report: 2 seconds.
const REPORT_TICKS: u32 = 120;

/// The maximum time until the match has started and has reported the difference.
const REPORT_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) fn desync_report_names_a_result_that_depends_on_the_platform(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let sine = SINE.to_string();
    let settings = [("match", "2"), ("sine", sine.as_str())];
    let mut ada = Native::measuring(artifacts, "Ada", &server, "hello", 1, &settings)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.open(&server.player(&format!(
        "render=off&lag=40&jitter=20&loss=5&match=2&sine={sine}&bot=2"
    )))?;
    let players: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    wait_until(players, LOAD_TIMEOUT, "both players report", |_| true)?;
    let mut found: Vec<Difference> = Vec::new();
    wait_until(
        players,
        REPORT_TIMEOUT,
        "both players find the difference",
        |reports| {
            found = reports
                .iter()
                .filter_map(|report| report.rollback().difference)
                .collect();
            found.len() == reports.len()
        },
    )?;
    println!("   {found:#?}");
    for difference in &found {
        let Difference {
            reported_at,
            tick,
            component,
            mine,
            theirs,
            ..
        } = difference;
        ensure!(component.ends_with("Swing"), "the report names {component}");
        ensure!(
            (SINE..=SINE + REPORT_TICKS).contains(tick),
            "the states of tick {tick} differ"
        );
        ensure!(
            *reported_at <= SINE + REPORT_TICKS,
            "the report arrived in tick {reported_at}"
        );
        ensure!(
            mine.is_some() && theirs.is_some() && mine != theirs,
            "the report has no values"
        );
    }
    ensure!(
        found[0].mine == found[1].theirs && found[0].theirs == found[1].mine,
        "the reports do not contain each other's values"
    );
    Ok(())
}
