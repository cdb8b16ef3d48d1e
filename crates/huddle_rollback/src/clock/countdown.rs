use std::{collections::BTreeMap, time::Duration};

use huddle_session::{PeerId, TickRate};

use super::samples::Samples;

/// The minimum length of a countdown, which ends at its *line*.
const LENGTH: Duration = Duration::from_millis(400);

/// The maximum extension of a countdown beyond its line.
const MORE: Duration = Duration::from_secs(1);

/// The difference between two players that is ignored, in ticks.
const TOGETHER: f64 = 1.0;

/// The number of samples of each player that count. The number is small, so that a player whose game
/// freezes to load a level is soon found to be behind.
const SAMPLES: usize = 9;

/// The time for which a sample counts.
const MEMORY: Duration = Duration::from_millis(200);

/// The minimum number of ticks for which a sample counts.
const MEMORY_TICKS: u32 = 4;

/// The countdown to tick 0.
///
/// The players begin it at different times, when they learn that all of them are ready. During the
/// countdown, they measure the differences between their positions. All of them start when the last one
/// has reached its line.
///
/// A player sends its own position, not the time at which it expects to start. That time depends on the
/// other players, and would feed measurement errors back to them.
#[derive(Debug)]
pub(crate) struct Countdown {
    rate: TickRate,
    /// The position in ticks. At 0, the countdown is over in any case.
    position: f64,
    line: f64,
    /// Samples of the local peer's lead over each other player, in ticks.
    ahead: BTreeMap<PeerId, Samples<SAMPLES>>,
    began: Duration,
    /// The arrival time of each player's last packet.
    last_packet: BTreeMap<PeerId, Duration>,
}

impl Countdown {
    pub(crate) fn new(rate: TickRate, now: Duration) -> Self {
        let line = -MORE.as_secs_f64() * rate.hz();
        Self {
            rate,
            position: line - LENGTH.as_secs_f64() * rate.hz(),
            line,
            ahead: BTreeMap::new(),
            began: now,
            last_packet: BTreeMap::new(),
        }
    }

    /// Returns the number of ticks until tick 0, at least 1.
    pub(crate) fn before(&self) -> u32 {
        (-self.position).ceil().max(1.0) as u32
    }

    /// Records the arrival of a packet.
    pub(crate) fn packet_arrived(&mut self, peer: PeerId, now: Duration) {
        self.last_packet.insert(peer, now);
    }

    /// Returns the time since a player's last packet.
    pub(crate) fn silence(&self, peer: PeerId, now: Duration) -> Duration {
        let since = self.last_packet.get(&peer).copied().unwrap_or(self.began);
        now.saturating_sub(since)
    }

    /// Adds a sample from a packet, which was sent `ago` ticks ago and `before` ticks before its
    /// sender's tick 0. `fraction` is the number of ticks since the last step.
    pub(crate) fn sample(
        &mut self,
        peer: PeerId,
        before: u32,
        ago: f64,
        fraction: f64,
        now: Duration,
    ) {
        let ahead = self.position + fraction - (ago - f64::from(before));
        self.ahead.entry(peer).or_default().push(now, ahead);
    }

    /// Advances the countdown. Returns whether tick 0 begins. `others` are the players to wait for.
    pub(crate) fn step(
        &mut self,
        passed: Duration,
        now: Duration,
        others: impl IntoIterator<Item = PeerId>,
    ) -> bool {
        self.position += passed.as_secs_f64() * self.rate.hz();
        let mut others = others.into_iter();
        let lead_over_last = others.try_fold(0.0, |most: f64, peer| {
            Some(most.max(self.ahead(peer, now)?))
        });
        let is_time = |lead: f64| {
            let wait = if lead > TOGETHER { lead } else { 0.0 };
            self.position - self.line >= wait
        };
        self.position >= 0.0 || lead_over_last.is_some_and(is_time)
    }

    /// Returns the local peer's lead over a player in ticks, or `None` if that player is silent.
    fn ahead(&self, peer: PeerId, now: Duration) -> Option<f64> {
        let mut space = [0.0; SAMPLES];
        let memory = MEMORY.max(self.rate.period() * MEMORY_TICKS);
        let sorted = self.ahead.get(&peer)?.sorted(now, memory, &mut space);
        sorted.get(sorted.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use huddle_session::PeerId;

    const STEP: Duration = Duration::from_millis(10);

    /// Returns the length of a countdown. Each other player is this many ticks behind, and silent from
    /// a time on.
    fn lasts(others: &[(f64, Duration)]) -> Duration {
        let rate = TickRate::from_hz(100.0).unwrap();
        let mut countdown = Countdown::new(rate, Duration::ZERO);
        let mut now = Duration::ZERO;
        loop {
            now += STEP;
            for (n, &(behind, until)) in (1..).zip(others) {
                if now < until {
                    let before = (behind - countdown.position).max(0.0) as u32;
                    countdown.sample(PeerId::from_bytes([n; 16]), before, 0.0, 0.0, now);
                }
            }
            let peers = (1..=others.len() as u8).map(|n| PeerId::from_bytes([n; 16]));
            if countdown.step(STEP, now, peers) {
                return now;
            }
        }
    }

    fn near(a: Duration, b: Duration) -> bool {
        a.abs_diff(b) <= 2 * STEP
    }

    #[test]
    fn all_players_start_together_with_the_last_one() {
        let soon = lasts(&[(0.0, Duration::MAX)]);
        assert!(near(soon, LENGTH), "{soon:?}");
        let first = lasts(&[(-30.0, Duration::MAX), (0.5, Duration::MAX)]);
        assert!(near(first, LENGTH), "{first:?}");
        let waits = lasts(&[(3.0, Duration::MAX), (50.0, Duration::MAX)]);
        assert!(near(waits, LENGTH + 50 * STEP), "{waits:?}");
    }

    #[test]
    fn wait_for_a_silent_player_is_limited() {
        let longest = LENGTH + MORE;
        for silent in [Duration::ZERO, LENGTH / 4] {
            let long = lasts(&[(0.0, Duration::MAX), (0.0, silent)]);
            assert!(near(long, longest), "{long:?}");
        }
        let lies = lasts(&[(1e9, Duration::MAX)]);
        assert!(near(lies, longest), "{lies:?}");
    }
}
