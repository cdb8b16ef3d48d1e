//! Bots play for some time, and all players of a room simulate the same.

use std::time::{Duration, Instant};

use anyhow::ensure;
use huddle_tests::{Artifacts, Platform, Player, Server, watch};

use super::room::{BAD, GOOD, Record, Room, start, wait_for_the_match};

/// The minimum number of confirmed ticks per second, of 60.
const RATE: f64 = 57.0;
/// The minimum number of compared checksums per second. The players calculate one about every half second.
const CHECKSUMS: f64 = 0.8;
/// The minimum number of rollbacks per second of a match over a bad network.
const ROLLBACKS: f64 = 0.5;

const SHORT: Duration = Duration::from_secs(30);
const LONG: Duration = Duration::from_secs(180);

/// Two rooms at the same time: one with a good network, and one with a bad network.
pub(crate) fn two_bots_play(artifacts: &Artifacts, platforms: [Platform; 2]) -> anyhow::Result<()> {
    play(artifacts, &platforms, &[GOOD, BAD], SHORT)
}

pub(crate) fn two_bots_play_for_three_minutes(
    artifacts: &Artifacts,
    platforms: [Platform; 2],
) -> anyhow::Result<()> {
    play(artifacts, &platforms, &[GOOD, BAD], LONG)
}

const MIXED: [Platform; 4] = [
    Platform::Native,
    Platform::Chromium,
    Platform::Firefox,
    Platform::Native,
];

pub(crate) fn four_bots_play(artifacts: &Artifacts) -> anyhow::Result<()> {
    play(artifacts, &MIXED, &[GOOD], SHORT)
}

pub(crate) fn four_bots_play_over_a_bad_network(artifacts: &Artifacts) -> anyhow::Result<()> {
    play(artifacts, &MIXED, &[BAD], SHORT)
}

pub(crate) fn four_bots_play_for_three_minutes(artifacts: &Artifacts) -> anyhow::Result<()> {
    play(artifacts, &MIXED, &[GOOD], LONG)
}

pub(crate) fn four_bots_play_over_a_bad_network_for_three_minutes(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    play(artifacts, &MIXED, &[BAD], LONG)
}

fn play(
    artifacts: &Artifacts,
    platforms: &[Platform],
    rooms: &[Room],
    length: Duration,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut groups = Vec::new();
    for &room in rooms {
        let mut players = Vec::new();
        for (bot, &platform) in (1..).zip(platforms) {
            players.push(start(
                artifacts,
                &server,
                platform,
                bot,
                platforms.len(),
                room,
            )?);
        }
        groups.push(players);
    }
    for players in &mut groups {
        wait_for_the_match(&mut borrow(players))?;
    }
    let count = platforms.len();
    let mut records: Vec<Record> = rooms.iter().map(|_| Record::default()).collect();
    let mut first = Vec::new();
    let begin = Instant::now();
    let mut all: Vec<&mut dyn Player> = Vec::new();
    for players in &mut groups {
        all.extend(borrow(players));
    }
    watch(&mut all, length, "all simulate the same", |reports| {
        for (record, reports) in records.iter_mut().zip(reports.chunks(count)) {
            record.add(reports)?;
        }
        if first.is_empty() {
            first.extend(records.iter().map(|record| record.ticks.clone()));
        }
        Ok(())
    })?;
    let seconds = begin.elapsed().as_secs_f64();
    for (((players, room), record), before) in
        groups.iter_mut().zip(rooms).zip(&records).zip(&first)
    {
        let compared = record.compare()?;
        println!("   room {:?}: {compared} equal checksums", room.name);
        ensure!(compared as f64 >= seconds * CHECKSUMS, "too few checksums");
        for (player, (&all, &before)) in players.iter_mut().zip(record.ticks.iter().zip(before)) {
            let rate = f64::from(all - before) / seconds;
            let last = player.report()?.map(|report| report.duel_match());
            println!("   {}: {rate:.1} ticks/s, {last:?}", player.name());
            ensure!(
                rate >= RATE,
                "{} plays too slowly: {rate:.1} ticks/s",
                player.name()
            );
        }
        let rollbacks = f64::from(u32::try_from(record.rollbacks()).unwrap_or(u32::MAX));
        let is_bad = !room.conditions.is_empty();
        ensure!(
            !is_bad || rollbacks >= seconds * ROLLBACKS,
            "nothing was mispredicted"
        );
    }
    Ok(())
}

fn borrow(players: &mut [Box<dyn Player>]) -> Vec<&mut dyn Player> {
    players
        .iter_mut()
        .map(|player| &mut **player as _)
        .collect()
}
