//! Failures of a match other than differing states.

use std::time::Duration;

use huddle_rollback::RollbackEvent;

use super::Simulation;
use crate::play::{bounds::SILENCE, game::SimGame, player::peer_id};

/// The longest time without a new tick.
const MAX_WAIT: Duration = Duration::from_secs(2 * SILENCE.as_secs() + 4);

/// The time after which all players know that a start failed.
const FAILURE_KNOWN: Duration = Duration::from_secs(3);

impl<G: SimGame> Simulation<G> {
    /// Checks the match so far.
    ///
    /// # Errors
    /// Returns the first failure, such as two players whose states differ, or a player that waits for
    /// too long.
    pub fn verdict(&mut self) -> Result<(), String> {
        for index in 0..self.players.len() {
            if self.machines[index].plays() {
                let failures = self.check_player(index);
                self.oracle.failures.extend(failures);
                let together: Vec<_> = (0..self.players.len())
                    .filter(|&other| {
                        self.machines[other].plays() && self.see_each_other(index, other)
                    })
                    .collect();
                self.oracle.compare_leaves(&together);
            }
        }
        match self.oracle.failures.first() {
            Some(failure) => Err(format!("after {:.2} s: {failure}", self.now.as_secs_f64())),
            None => Ok(()),
        }
    }

    /// Returns the failures of a player that takes part in the match.
    fn check_player(&self, index: usize) -> Vec<String> {
        let (machine, player, bounds) = (&self.machines[index], &self.players[index], &self.bounds);
        let mut failures = Vec::new();
        let mut fail = |what: String| failures.push(format!("player {index} {what}"));
        let (tick, since) = machine.progress;
        let waited = self.now.saturating_sub(since);
        if waited > MAX_WAIT {
            fail(format!("has waited at tick {tick} for {waited:.1?}"));
        }
        for event in &player.events {
            match event {
                RollbackEvent::StartFailed(error) if !bounds.may_fail => {
                    fail(format!("could not start: {error}"));
                }
                RollbackEvent::SeatLeft { seat, reason, .. } if !bounds.may_leave => {
                    fail(format!("reports that seat {seat} left ({reason:?})"));
                }
                _ => {}
            }
        }
        let took = machine
            .start_ended
            .unwrap_or(self.now)
            .saturating_sub(self.begins(index));
        if took > bounds.start {
            let waiting: Vec<_> = player.session.waiting_for().collect();
            fail(format!(
                "needed {took:.1?} to start, and waits for {waiting:?}"
            ));
        }
        let memory = machine.memory;
        for (name, count, max) in [
            ("saved states", memory.saves, bounds.saves),
            ("inputs", memory.inputs, bounds.inputs),
            ("inputs for votes", memory.agreement, bounds.agreement),
        ] {
            if count > max {
                fail(format!("kept {count} {name}, more than {max}"));
            }
        }
        for other in self.failed_starts() {
            if player.session.members().contains(&peer_id(other)) {
                fail(format!("plays with player {other}, whose start failed"));
            }
        }
        let Some(stats) = player.session.stats() else {
            return failures;
        };
        if stats.longest_wait > bounds.wait {
            let (longest, max) = (stats.longest_wait, bounds.wait);
            fail(format!("waited for {longest:.2?}, longer than {max:.2?}"));
        }
        if stats.restarts > 0 && !bounds.may_request {
            fail(format!(
                "had to request inputs again {} times",
                stats.restarts
            ));
        }
        let min = (self.playing_time() * bounds.rate) as u32;
        if tick.0 < min {
            fail(format!("is at tick {tick}, and should be at {min}"));
        }
        failures
    }

    /// Returns whether two players play together, according to both of them.
    fn see_each_other(&self, a: usize, b: usize) -> bool {
        let sees = |index: usize, other: usize| {
            index == other
                || self.players[index]
                    .session
                    .members()
                    .contains(&peer_id(other))
        };
        sees(a, b) && sees(b, a)
    }

    /// Returns the players whose start failed so long ago that all players know.
    fn failed_starts(&self) -> impl Iterator<Item = usize> {
        let machines = self.machines.iter().zip(&self.players).enumerate();
        machines.filter_map(|(other, (machine, player))| {
            let ended = machine.start_ended?;
            let has_failed = machine.plays() && player.running.is_none();
            (has_failed && self.now.saturating_sub(ended) > FAILURE_KNOWN).then_some(other)
        })
    }

    /// Returns the number of seconds in which all players could play.
    fn playing_time(&self) -> f64 {
        let Some(started) = self.all_started else {
            return 0.0;
        };
        // After the countdown and the first adjustments of the clocks.
        let since = started + Duration::from_secs(2);
        let time = self.now.saturating_sub(since + self.frozen);
        time.as_secs_f64()
    }
}
