use std::{collections::BTreeMap, time::Duration};

use huddle_session::{PeerId, TickRate};

use super::samples::Samples;

/// The minimum length of a countdown: until its *line*.
const LENGTH: Duration = Duration::from_millis(400);

/// How much longer a countdown can be.
const MORE: Duration = Duration::from_secs(1);

/// Players that are at most so many ticks apart start together.
const TOGETHER: f64 = 1.0;

/// How many of another player's packets count, and for how long. With few of them, a player whose game
/// freezes, to load a level, is soon found to be behind.
const SAMPLES: usize = 9;
const MEMORY: Duration = Duration::from_millis(200);

/// For how many ticks packets count if ticks are long.
const MEMORY_TICKS: u32 = 4;

/// The time before tick 0. The players learn at different times that all are ready. In the countdown
/// they measure how far apart they are, and all start when the last one has reached its line.
///
/// A player sends its position in the countdown, not the time at which it will start because of other
/// players. That would feed measurement errors back to them.
#[derive(Debug)]
pub(crate) struct Countdown {
    rate: TickRate,
    /// The position in ticks. At 0 the countdown is over in any case.
    position: f64,
    line: f64,
    /// How many ticks this player is ahead of each other player, by that player's packets.
    ahead: BTreeMap<PeerId, Samples<SAMPLES>>,
    began: Duration,
    /// When the last packet of each player arrived.
    heard: BTreeMap<PeerId, Duration>,
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
            heard: BTreeMap::new(),
        }
    }

    /// Returns how many ticks before tick 0 this player is, at least 1.
    pub(crate) fn before(&self) -> u32 {
        (-self.position).ceil().max(1.0) as u32
    }

    /// A packet of a player has arrived.
    pub(crate) fn heard(&mut self, peer: PeerId, now: Duration) {
        self.heard.insert(peer, now);
    }

    /// Returns how long no packet of a player has arrived.
    pub(crate) fn silence(&self, peer: PeerId, now: Duration) -> Duration {
        let since = self.heard.get(&peer).copied().unwrap_or(self.began);
        now.saturating_sub(since)
    }

    /// Takes a packet that was sent `ago` ticks ago, `before` ticks before its sender's tick 0.
    /// `fraction` is the number of ticks since the last step.
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

    /// Advances the time. Returns whether tick 0 begins. `others` are the players that have to start.
    pub(crate) fn step(
        &mut self,
        passed: Duration,
        now: Duration,
        others: impl IntoIterator<Item = PeerId>,
    ) -> bool {
        self.position += passed.as_secs_f64() * self.rate.hz();
        let mut others = others.into_iter();
        let of_last = others.try_fold(0.0, |most: f64, peer| {
            Some(most.max(self.ahead(peer, now)?))
        });
        let is_time = |of_last: f64| {
            let wait = if of_last > TOGETHER { of_last } else { 0.0 };
            self.position - self.line >= wait
        };
        self.position >= 0.0 || of_last.is_some_and(is_time)
    }

    /// Returns how many ticks this player is ahead of another one, or `None` if that one is silent.
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

    /// Returns the length of a countdown in which other players are so far behind until a time.
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
    fn all_players_start_with_the_last() {
        let soon = lasts(&[(0.0, Duration::MAX)]);
        assert!(near(soon, LENGTH), "{soon:?}");
        let first = lasts(&[(-30.0, Duration::MAX), (0.5, Duration::MAX)]);
        assert!(near(first, LENGTH), "{first:?}");
        let waits = lasts(&[(3.0, Duration::MAX), (50.0, Duration::MAX)]);
        assert!(near(waits, LENGTH + 50 * STEP), "{waits:?}");
    }

    #[test]
    fn countdown_waits_for_a_silent_player_but_not_for_long() {
        let longest = LENGTH + MORE;
        for silent in [Duration::ZERO, LENGTH / 4] {
            let long = lasts(&[(0.0, Duration::MAX), (0.0, silent)]);
            assert!(near(long, longest), "{long:?}");
        }
        let lies = lasts(&[(1e9, Duration::MAX)]);
        assert!(near(lies, longest), "{lies:?}");
    }
}
