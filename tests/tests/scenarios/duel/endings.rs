//! What ends or interrupts a match: kills, hidden and frozen pages, rematches, changes of address.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use huddle_tests::{
    Artifacts, Browser, Frozen, Page, Platform, Player, Report, Server, Testbed, wait_until, watch,
};

use super::room::{GOOD, Record, start, wait_for_the_match};

/// The maximum interruption for the others when a player is killed, and the same without a signaling server.
const KILL: Duration = Duration::from_secs(1);
const KILL_WITHOUT_SERVER: Duration = Duration::from_secs(4);
/// The time between two reports of a native player, which the interruption includes.
const REPORTS: Duration = Duration::from_millis(150);
/// The maximum interruption by a change of address.
const ADDRESS: Duration = Duration::from_secs(2);
const SETTLED: Duration = Duration::from_secs(3);
const HIDDEN: Duration = Duration::from_secs(60);
const FROZEN: Duration = Duration::from_secs(10);
/// The minimum number of ticks per second of a hidden page.
const HIDDEN_RATE: f64 = 55.0;

pub(crate) fn killed_player_costs_little(artifacts: &Artifacts) -> anyhow::Result<()> {
    kill(artifacts, KILL, |_| {})
}

pub(crate) fn killed_player_without_server_costs_little(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    kill(artifacts, KILL_WITHOUT_SERVER, Server::kill)
}

fn kill(
    artifacts: &Artifacts,
    limit: Duration,
    before: impl FnOnce(&mut Server),
) -> anyhow::Result<()> {
    let mut server = Server::start(artifacts)?;
    let mut ada = start(artifacts, &server, Platform::Native, 1, 3, GOOD)?;
    let mut bob = start(artifacts, &server, Platform::Native, 2, 3, GOOD)?;
    let mut cleo = start(artifacts, &server, Platform::Chromium, 3, 3, GOOD)?;
    wait_for_the_match(&mut [&mut *ada, &mut *bob, &mut *cleo])?;
    thread::sleep(SETTLED);
    before(&mut server);
    bob.kill()?;
    let longest = longest_pause(&mut [&mut *ada, &mut *cleo], Duration::from_secs(7))?;
    println!("   the others wait for at most {} ms", longest.as_millis());
    ensure!(
        longest <= limit + REPORTS,
        "the others wait for {longest:?}"
    );
    Ok(())
}

/// Watches the players, and returns the longest time in which a player confirmed no tick.
fn longest_pause(players: &mut [&mut dyn Player], duration: Duration) -> anyhow::Result<Duration> {
    let mut record = Record::default();
    let mut last: Vec<(Instant, u32)> = Vec::new();
    let mut longest = Duration::ZERO;
    watch(players, duration, "the others play on", |reports| {
        record.add(reports)?;
        let now = Instant::now();
        last.resize(reports.len(), (now, 0));
        for (last, &ticks) in last.iter_mut().zip(&record.ticks) {
            if ticks != last.1 {
                *last = (now, ticks);
            }
            longest = longest.max(now - last.0);
        }
        Ok(())
    })?;
    ensure!(
        record.ticks.iter().all(|&ticks| ticks > 60),
        "the match did not continue"
    );
    record.compare()?;
    Ok(longest)
}

pub(crate) fn hidden_page_plays_on(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Browser::chromium("Ada", Page::SMALL)?;
    ada.open(&server.player("game=duel&bot=1"))?;
    let mut bob = start(artifacts, &server, Platform::Native, 2, 2, GOOD)?;
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut *bob];
    wait_for_the_match(both)?;
    ada.hide()?;
    let mut record = Record::default();
    let begin = Instant::now();
    let both: &mut [&mut dyn Player] = &mut [&mut ada, &mut *bob];
    watch(both, HIDDEN, "the hidden page plays on", |reports| {
        record.add(reports)
    })?;
    ensure!(ada.is_hidden()?, "the page is visible");
    let rate = f64::from(record.ticks[0]) / begin.elapsed().as_secs_f64();
    println!(
        "   hidden: {rate:.1} ticks/s, {} equal checksums",
        record.compare()?
    );
    ensure!(
        rate >= HIDDEN_RATE,
        "the hidden page plays too slowly: {rate:.1} ticks/s"
    );
    ada.show()
}

/// A page is frozen for ten seconds. The others learn whose it is, and play on without it. It comes back to the lobby,
/// and plays the next match.
pub(crate) fn frozen_player_is_named_and_dropped(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = start(artifacts, &server, Platform::Native, 1, 3, GOOD)?;
    let mut bob = start(artifacts, &server, Platform::Native, 2, 3, GOOD)?;
    let mut cleo = start(artifacts, &server, Platform::Chromium, 3, 3, GOOD)?;
    wait_for_the_match(&mut [&mut *ada, &mut *bob, &mut *cleo])?;
    thread::sleep(SETTLED);
    let frozen = Frozen::new(&*cleo)?;
    let begin = Instant::now();
    let others: &mut [&mut dyn Player] = &mut [&mut *ada, &mut *bob];
    let named = wait_until(others, SETTLED, "the others wait for one seat", |reports| {
        reports
            .iter()
            .all(|report| report.duel_match().missing.len() == 1)
    })?;
    let before = confirmed(others)?;
    let resumed = wait_until(others, FROZEN, "the others play on", |reports| {
        let now = reports.iter().map(Report::duel_match);
        now.zip(&before)
            .all(|(now, before)| now.number != before.0 || now.confirmed_tick > before.1 + 60)
    })?;
    println!(
        "   named after {} ms, and the others play on after {} ms more",
        named.as_millis(),
        resumed.as_millis()
    );
    thread::sleep(FROZEN.saturating_sub(begin.elapsed()));
    drop(frozen);
    let number = confirmed(&mut [&mut *ada])?[0].0;
    let all: &mut [&mut dyn Player] = &mut [&mut *ada, &mut *bob, &mut *cleo];
    let took = wait_until(all, Duration::from_secs(120), "all play again", |reports| {
        reports.iter().all(|report| {
            let now = report.duel_match();
            now.seats == 3 && now.missing.is_empty()
        }) && reports[0].duel_match().number > number
    })?;
    println!(
        "   all play together again after {:.1} s",
        took.as_secs_f64()
    );
    let mut record = Record::default();
    watch(all, SETTLED, "all simulate the same", |reports| {
        record.add(reports)
    })?;
    record.compare().map(drop)
}

/// Returns the number of each player's match, and its confirmed tick.
fn confirmed(players: &mut [&mut dyn Player]) -> anyhow::Result<Vec<(u32, u32)>> {
    let reports = players.iter_mut().map(|player| {
        let report = player.report()?.context("a report")?.duel_match();
        Ok((report.number, report.confirmed_tick))
    });
    reports.collect()
}

pub(crate) fn ten_rematches(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = start(artifacts, &server, Platform::Native, 1, 2, GOOD)?;
    let mut bob = start(artifacts, &server, Platform::Native, 2, 2, GOOD)?;
    let both: &mut [&mut dyn Player] = &mut [&mut *ada, &mut *bob];
    wait_for_the_match(both)?;
    let mut record = Record::default();
    let took = wait_until(both, Duration::from_secs(900), "ten rematches", |reports| {
        let is_equal = record.add(reports).is_ok();
        !is_equal
            || reports
                .iter()
                .all(|report| report.duel_match().number >= 11)
    })?;
    println!("   ten rematches in {:.0} s", took.as_secs_f64());
    for report in both.iter_mut().map(|player| player.report()) {
        let report = report?.context("a report")?.duel_match();
        ensure!(report.desyncs == 0, "the players' games differ: {report:?}");
    }
    record.compare().map(drop)
}

/// A player changes its network in a round, as from a Wi-Fi to another one.
pub(crate) fn address_change_costs_little(artifacts: &Artifacts) -> anyhow::Result<()> {
    let testbed = Testbed::new(artifacts)?;
    let mut players = Vec::new();
    for (bot, name) in [(1, "Ada"), (2, "Bob")] {
        let host = testbed.lab.host(name)?;
        let server = &testbed.server;
        let player = host.enter(|| start(artifacts, server, Platform::Native, bot, 2, GOOD))??;
        players.push((player, host));
    }
    let [(ada, _), (bob, bob_host)] = players.as_mut_slice() else {
        return Ok(());
    };
    let both: &mut [&mut dyn Player] = &mut [&mut **ada, &mut **bob];
    wait_for_the_match(both)?;
    thread::sleep(SETTLED);
    let old = bob_host.interface();
    bob_host.add_interface()?;
    bob_host.take_down(&old)?;
    let longest = longest_pause(both, Duration::from_secs(8))?;
    println!("   they wait for at most {} ms", longest.as_millis());
    ensure!(longest <= ADDRESS + REPORTS, "they wait for {longest:?}");
    let both: &mut [&mut dyn Player] = &mut [&mut **ada, &mut **bob];
    for report in both.iter_mut().map(|player| player.report()) {
        let report = report?.context("a report")?;
        ensure!(
            report.departed.is_empty() && report.peers.len() == 1,
            "a player departed"
        );
    }
    Ok(())
}
