//! Detection of peers whose clock runs at an impossible rate.

use std::time::Duration;

use crate::tick::TickRate;

/// The maximum lead of a clock that still counts as equal to the local one.
const EQUAL_WITHIN: Duration = Duration::from_millis(200);

/// The relative rate by which a clock may run fast. Real clocks are a hundred times more accurate.
const TOLERANCE: f64 = 0.01;

/// The additional lead that is allowed because packets arrive unevenly.
const SLACK: Duration = Duration::from_millis(300);

/// The time for which a clock must keep pace after its second leap. It doubles with each further
/// leap.
const FIRST_PROBATION: Duration = Duration::from_secs(2);

const MAX_DOUBLINGS: u32 = 5;

/// Compares the ticks that a peer claims with the time that passes locally.
///
/// A clock that hung and catches up is never ahead of where it would be otherwise, so only leaps
/// ahead are suspicious. A single leap is harmless: if the local machine was suspended, such as a
/// sleeping laptop, all other clocks leap once. A clock that leaps repeatedly runs at an impossible
/// rate, and does not count until it keeps pace for a while.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The claim that later ones are compared with. `at` is its time.
    tick: i64,
    at: Duration,
    leaps: u32,
    is_possible: bool,
}

impl Pace {
    pub(super) fn new(tick: i64, now: Duration) -> Self {
        Self {
            tick,
            at: now,
            leaps: 0,
            is_possible: true,
        }
    }

    /// Returns `true` if the clock counts.
    pub(super) fn is_possible(&self) -> bool {
        self.is_possible
    }

    /// Handles a claim that arrives while the local clock is at `own`.
    pub(super) fn observe(&mut self, tick: i64, own: i64, now: Duration, rate: TickRate) {
        if tick <= own + i64::from(rate.ticks_in(EQUAL_WITHIN)) {
            (self.tick, self.at, self.is_possible) = (tick, now, true);
            return;
        }
        let passed = now.saturating_sub(self.at);
        let max_seconds = passed.as_secs_f64() * (1.0 + TOLERANCE) + SLACK.as_secs_f64();
        if (tick - self.tick) as f64 > max_seconds * rate.hz() {
            (self.tick, self.at) = (tick, now);
            self.leaps = self.leaps.saturating_add(1);
            self.is_possible = self.leaps == 1;
        } else if passed >= self.probation() {
            self.is_possible = true;
        }
    }

    fn probation(&self) -> Duration {
        FIRST_PROBATION * (1 << self.leaps.saturating_sub(2).min(MAX_DOUBLINGS))
    }
}
