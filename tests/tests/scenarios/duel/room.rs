//! Starts bots in rooms, and records what they report.

use std::{collections::BTreeMap, time::Duration};

use anyhow::ensure;
use huddle_tests::{
    Artifacts, Browser, Native, Page, Platform, Player, Report, Server, wait_until,
};

use crate::steps::LOAD_TIMEOUT;

/// Where players meet, and the conditions of their network.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub(super) name: &'static str,
    pub(super) conditions: &'static [(&'static str, &'static str)],
}

/// A good network.
pub(super) const GOOD: Room = Room {
    name: "duel",
    conditions: &[],
};

/// A bad network: 80 ms round-trip time, and up to 20 ms jitter and 5 % loss in each direction.
pub(super) const BAD: Room = Room {
    name: "bad",
    conditions: &[("lag", "40"), ("jitter", "20"), ("loss", "5")],
};

/// The maximum time from the last player's first report to the first tick of the match.
const START_TIMEOUT: Duration = Duration::from_secs(15);

/// Starts a bot on the network of this thread. It is ready once the room has this many players.
pub(super) fn start(
    artifacts: &Artifacts,
    server: &Server,
    platform: Platform,
    bot: u64,
    players: usize,
    room: Room,
) -> anyhow::Result<Box<dyn Player>> {
    let name = format!("{platform:?} {bot}");
    let browser = match platform {
        Platform::Native => {
            let conditions = room.conditions.iter();
            let arguments: Vec<String> = conditions
                .flat_map(|(name, value)| [format!("--{name}"), (*value).to_owned()])
                .collect();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let game = [("game", "duel"), ("match", &players.to_string())];
            let native =
                Native::playing(artifacts, &name, server, room.name, bot, &game, &arguments)?;
            return Ok(Box::new(native));
        }
        Platform::Chromium => Browser::chromium(&name, Page::SMALL)?,
        Platform::Firefox => Browser::firefox(&name, Page::SMALL)?,
    };
    let mut query = format!(
        "game=duel&render=off&match={players}&room={}&bot={bot}",
        room.name
    );
    for (name, value) in room.conditions {
        query.push_str(&format!("&{name}={value}"));
    }
    browser.open(&server.player(&query))?;
    Ok(Box::new(browser))
}

/// Waits until all players are in the same match.
pub(super) fn wait_for_the_match(players: &mut [&mut dyn Player]) -> anyhow::Result<()> {
    wait_until(players, LOAD_TIMEOUT, "all players report", |_| true)?;
    let count = players.len();
    wait_until(players, START_TIMEOUT, "all are in the match", |reports| {
        reports.iter().all(|report| {
            let current = report.duel_match();
            current.seats == count && current.confirmed_tick > 0
        })
    })?;
    Ok(())
}

/// What the players have reported about their matches so far.
#[derive(Default)]
pub(super) struct Record {
    /// The checksums of each player, by the number of the match and the tick.
    checksums: Vec<BTreeMap<(u32, u32), String>>,
    /// The confirmed ticks of each player, over all matches.
    pub(super) ticks: Vec<u32>,
    last: Vec<(u32, u32)>,
    /// The rollbacks of each match of the first player.
    rollbacks: BTreeMap<u32, u64>,
}

impl Record {
    /// Adds the reports of all players, and checks that no game differs from the others.
    pub(super) fn add(&mut self, reports: &[Report]) -> anyhow::Result<()> {
        self.checksums.resize_with(reports.len(), BTreeMap::new);
        self.ticks.resize(reports.len(), 0);
        self.last.resize(reports.len(), (0, 0));
        for (player, report) in reports.iter().enumerate() {
            let current = report.duel_match();
            ensure!(current.desyncs == 0, "the players' games differ");
            let (number, tick) = (current.number, current.confirmed_tick);
            let (last_number, last_tick) = self.last[player];
            self.ticks[player] += match number == last_number {
                true => tick.saturating_sub(last_tick),
                false => tick,
            };
            self.last[player] = (number, tick);
            if player == 0 {
                self.rollbacks.insert(number, current.rollbacks);
            }
            if let Some(checksum) = current.checksum_at {
                self.checksums[player].insert((number, checksum.tick), checksum.value);
            }
        }
        Ok(())
    }

    /// Returns the number of rollbacks of the first player.
    pub(super) fn rollbacks(&self) -> u64 {
        self.rollbacks.values().sum()
    }

    /// Returns the number of checksums of the first player that another one has, too, and checks that they are equal.
    pub(super) fn compare(&self) -> anyhow::Result<usize> {
        let [first, others @ ..] = self.checksums.as_slice() else {
            return Ok(0);
        };
        let mut compared = 0;
        for other in others {
            for (at, value) in other {
                if let Some(expected) = first.get(at) {
                    ensure!(value == expected, "the checksums of {at:?} differ");
                    compared += 1;
                }
            }
        }
        Ok(compared)
    }
}
