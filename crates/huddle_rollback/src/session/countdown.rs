use std::{collections::BTreeMap, time::Duration};

use huddle_session::{PeerId, TickRate};

use crate::window::Window;

/// How long a countdown is at least: until its *line*.
const LENGTH: Duration = Duration::from_millis(400);

/// How much longer it is at most.
const MORE: Duration = Duration::from_secs(1);

/// How many ticks apart is together.
const TOGETHER: f64 = 1.0;

/// How many of another player's packets count, and for how long: few, so that whoever stands still,
/// to load a level, is soon found to be behind.
const SAMPLES: usize = 9;
const MEMORY: Duration = Duration::from_millis(200);

/// For how many ticks packets count, where ticks are long.
const MEMORY_TICKS: u32 = 4;

/// The time before tick 0. Each player knows at another time that all are ready, later by what a
/// message took or took again; here they find out by how much, so that all begin when the last of
/// them is at its line.
///
/// What a player tells of its countdown is where it is, and not when it will begin for the sake of
/// others: that would come back to those, with all errors of measurement, and so on for ever.
#[derive(Debug)]
pub(super) struct Countdown {
    rate: TickRate,
    /// In ticks; at 0 it is over in any case.
    position: f64,
    line: f64,
    /// How many ticks this player is ahead of others, as each of their packets has it.
    ahead: BTreeMap<PeerId, Window<SAMPLES>>,
}

impl Countdown {
    pub(super) fn new(rate: TickRate) -> Self {
        let line = -MORE.as_secs_f64() * rate.hz();
        Self {
            rate,
            position: line - LENGTH.as_secs_f64() * rate.hz(),
            line,
            ahead: BTreeMap::new(),
        }
    }

    /// How many ticks before tick 0 this player is, at least 1.
    pub(super) fn before(&self) -> u32 {
        (-self.position).ceil().max(1.0) as u32
    }

    /// Takes what a packet says that was sent so many ticks before its sender's tick 0, so many
    /// ticks ago; `fraction` is how many ticks have passed here since the last step.
    pub(super) fn sample(
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

    /// Time passes; says whether it is time for tick 0. `others` are those who have to begin.
    pub(super) fn step(
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

    /// How many ticks this player is ahead of another; `None` if that is silent.
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

    /// For how long a player counts down if others send that they are so far behind until a time.
    fn lasts(others: &[(f64, Duration)]) -> Duration {
        let rate = TickRate::from_hz(100.0).unwrap();
        let mut countdown = Countdown::new(rate);
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
    fn all_begin_with_the_last() {
        let soon = lasts(&[(0.0, Duration::MAX)]);
        assert!(near(soon, LENGTH), "{soon:?}");
        let first = lasts(&[(-30.0, Duration::MAX), (0.5, Duration::MAX)]);
        assert!(near(first, LENGTH), "{first:?}");
        let waits = lasts(&[(3.0, Duration::MAX), (50.0, Duration::MAX)]);
        assert!(near(waits, LENGTH + 50 * STEP), "{waits:?}");
    }

    #[test]
    fn who_is_silent_is_waited_for_but_not_for_long() {
        let longest = LENGTH + MORE;
        for silent in [Duration::ZERO, LENGTH / 4] {
            let long = lasts(&[(0.0, Duration::MAX), (0.0, silent)]);
            assert!(near(long, longest), "{long:?}");
        }
        let lies = lasts(&[(1e9, Duration::MAX)]);
        assert!(near(lies, longest), "{lies:?}");
    }
}
