//! Two instances of the signaling server share their rooms through a Redis.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use huddle_tests::{Artifacts, Cluster, Crowd, RoomGroup};

use crate::hostile::check_undisturbed;

/// The players with links.
const PLAYERS: usize = 8;
/// The scripted clients. Together with the players, 1000.
const CROWD: usize = 992;
/// The maximum time until all clients have joined on a busy machine.
const JOIN_TIMEOUT: Duration = Duration::from_secs(90);
/// The time in which almost all clients must be back.
const RETURN_TIMEOUT: Duration = Duration::from_secs(10);
/// The number of clients that may need longer.
const LATE: usize = (PLAYERS + CROWD) / 100;
/// The maximum time until the last client is back.
const LAST_RETURN_TIMEOUT: Duration = Duration::from_secs(60);
/// Longer than the lease of an instance.
const OUTAGE: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(50);

/// The players and clients of a cluster.
struct Everyone {
    players: RoomGroup,
    crowd: Crowd,
}

impl Everyone {
    fn join(cluster: &Cluster) -> anyhow::Result<Self> {
        let players = RoomGroup::start(&cluster.room("players"), PLAYERS)?;
        let crowd = Crowd::start(&cluster.addresses(), CROWD)?;
        let all = Self { players, crowd };
        let took = all.wait_until(JOIN_TIMEOUT, "all have joined", |all| {
            all.crowd.complete() == CROWD && all.meshed() == PLAYERS
        })?;
        println!("   all have joined after {} ms", took.as_millis());
        Ok(all)
    }

    /// Returns the number of players with a link to every other player.
    fn meshed(&self) -> usize {
        let logs = self.players.logs();
        logs.iter()
            .filter(|log| log.peers.len() == PLAYERS - 1)
            .count()
    }

    /// Returns the number of players and clients that are connected to a server.
    fn online(&self) -> usize {
        let logs = self.players.logs();
        let players = logs.iter().filter(|log| log.connected).count();
        players + self.crowd.online()
    }

    fn wait_until(
        &self,
        limit: Duration,
        what: &str,
        holds: impl Fn(&Self) -> bool,
    ) -> anyhow::Result<Duration> {
        let began = Instant::now();
        while !holds(self) {
            ensure!(
                began.elapsed() < limit,
                "not within {limit:?}: {what}; {} of {} clients are connected, {} know their room, {} of {PLAYERS} players have all links",
                self.online(),
                PLAYERS + CROWD,
                self.crowd.complete(),
                self.meshed(),
            );
            thread::sleep(POLL);
        }
        Ok(began.elapsed())
    }

    /// Waits until almost all clients are connected, then until all know their rooms again.
    fn return_in_time(&self, what: &str) -> anyhow::Result<()> {
        let before = self.crowd.attempts();
        let began = Instant::now();
        self.wait_until(RETURN_TIMEOUT, what, |all| {
            all.online() >= PLAYERS + CROWD - LATE
        })?;
        let returned = began.elapsed();
        self.wait_until(LAST_RETURN_TIMEOUT, "all know their rooms again", |all| {
            all.online() == PLAYERS + CROWD && all.crowd.complete() == CROWD
        })?;
        println!(
            "   99 % are connected after {} ms, and all know their rooms after {} ms; {} attempts",
            returned.as_millis(),
            began.elapsed().as_millis(),
            self.crowd.attempts() - before
        );
        Ok(())
    }
}

pub(crate) fn clients_return_after_the_death_of_an_instance(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let mut cluster = Cluster::start(artifacts)?;
    let all = Everyone::join(&cluster)?;
    let [dying, _] = &mut cluster.instances;
    dying.kill();
    all.wait_until(RETURN_TIMEOUT, "the loss is noticed", |all| {
        all.online() < PLAYERS + CROWD - LATE
    })?;
    all.return_in_time("99 % are back after the death of an instance")?;
    check_undisturbed(&all.players)
}

pub(crate) fn clients_stay_when_redis_restarts(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut cluster = Cluster::start(artifacts)?;
    let all = Everyone::join(&cluster)?;
    cluster.redis.kill();
    thread::sleep(OUTAGE);
    cluster.redis.restart()?;
    all.return_in_time("99 % are connected after Redis has restarted")?;
    // Newcomers meet the members of a room regardless of the instance that they reach.
    let newcomers = RoomGroup::start(&cluster.room("players"), 2)?;
    newcomers.wait_until(RETURN_TIMEOUT, "newcomers meet all players", |logs| {
        logs.iter().all(|log| log.peers.len() == PLAYERS + 1)
    })?;
    check_undisturbed(&all.players)
}
