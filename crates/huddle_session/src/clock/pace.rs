//! Whether another peer's clock runs at a rate that a clock can have.

use std::time::Duration;

use crate::tick::TickRate;

/// How far ahead of this peer a clock is taken to agree with it.
const NEAR: Duration = Duration::from_millis(200);

/// How much faster than time a clock may run. Real ones are a hundred times as exact.
const TOLERANCE: f64 = 0.01;

/// How far a clock may be ahead of that, because packets arrive unevenly.
const SLACK: Duration = Duration::from_millis(300);

/// For how long a clock has to keep pace after its second leap; twice as long after each more.
const FIRST_PROBATION: Duration = Duration::from_secs(2);

const MAX_DOUBLINGS: u32 = 5;

/// Watches the ticks that a peer claims, against the time that passes here.
///
/// A clock that hung and catches up is never ahead of where it would be without, so only one that
/// leaps ahead is conspicuous. One leap is nothing: if this peer's own time stood still, as on a
/// laptop that slept, that is what it sees of the others. A clock that leaps again and again runs
/// at an impossible rate. It does not count until it keeps pace for a while.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The claim that later ones are compared with, and when it was made.
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

    /// Whether the clock counts.
    pub(super) fn is_possible(&self) -> bool {
        self.is_possible
    }

    /// Takes a claim, while this peer's clock is at `own`.
    pub(super) fn hear(&mut self, tick: i64, own: i64, now: Duration, rate: TickRate) {
        if tick <= own + i64::from(rate.ticks_in(NEAR)) {
            (self.tick, self.at, self.is_possible) = (tick, now, true);
            return;
        }
        let passed = now.saturating_sub(self.at);
        let most = passed.as_secs_f64() * (1.0 + TOLERANCE) + SLACK.as_secs_f64();
        if (tick - self.tick) as f64 > most * rate.hz() {
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
