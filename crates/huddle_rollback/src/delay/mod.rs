//! How many ticks after it is made an input counts.

#[cfg(test)]
mod tests;
mod transit;

use std::time::Duration;

use huddle_session::Tick;

pub(crate) use self::transit::Transit;

/// The longest input delay, in ticks.
pub const MAX_INPUT_DELAY: u8 = 30;

/// For how long raising waits for an input that does not change.
const RAISE_ANYWAY: Duration = Duration::from_secs(1);

/// For how long a delay must have been too long before it is lowered automatically.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much shorter than whole ticks inputs must take before the delay is lowered automatically.
const MARGIN: f64 = 0.25;

/// How an input delay is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DelayPolicy {
    /// This many ticks, at most [`MAX_INPUT_DELAY`].
    Fixed(u8),
    /// As the links need it. Most often it settles within half a second if they get worse, and goes
    /// down by a tick every 5 seconds if they get better.
    Auto {
        /// The least, in ticks.
        min: u8,
        /// The most, in ticks, at most [`MAX_INPUT_DELAY`].
        max: u8,
        /// For how many ticks others may have to predict this player's input, which is how much
        /// shorter the delay is than what inputs take to them.
        tolerated: u8,
    },
}

impl Default for DelayPolicy {
    /// From 0 to 8 ticks, with 2 to be predicted.
    fn default() -> Self {
        Self::Auto {
            min: 0,
            max: 8,
            tolerated: 2,
        }
    }
}

/// The input delay of one seat, which can change while the game runs.
///
/// A longer delay means that an input is repeated, and a shorter one that an input is left out. So that no
/// press is prolonged or lost, it changes by one tick at a time, and when the input is as it was the
/// tick before. Raising does not wait for that longer than a second.
#[derive(Debug, Clone)]
pub(crate) struct InputDelay {
    policy: DelayPolicy,
    ticks: u8,
    /// Since when it is too short.
    short_since: Option<Duration>,
    /// Since when it is too long.
    long_since: Option<Duration>,
}

/// How often to append the input sampled at tick `now` to a log whose next tick is `log_next`, so
/// that the input counts `delay` ticks later.
///
/// That is once, as long as the delay stays: once more for each tick by which it was raised, and not
/// at all while it is being lowered. At the very start it fills the ticks before the first input can count.
pub(crate) fn copies(now: Tick, log_next: Tick, delay: u8) -> u32 {
    let after = now + u32::from(delay) + 1;
    u32::try_from(after.since(log_next)).unwrap_or(0)
}

impl InputDelay {
    /// As the policy has it; an automatic one begins with its least.
    pub(crate) fn new(policy: DelayPolicy) -> Self {
        let ticks = match policy {
            DelayPolicy::Fixed(ticks) => ticks,
            DelayPolicy::Auto { min, .. } => min,
        };
        Self {
            policy,
            ticks: ticks.min(MAX_INPUT_DELAY),
            short_since: None,
            long_since: None,
        }
    }

    /// Changes the policy. The delay follows tick by tick, as [`next`](Self::next) is called.
    pub(crate) fn set(&mut self, policy: DelayPolicy) {
        if policy != self.policy {
            self.policy = policy;
            self.long_since = None;
        }
    }

    /// The delay, in ticks.
    pub(crate) fn ticks(&self) -> u8 {
        self.ticks
    }

    /// Goes on by a tick, and returns the delay of the input that was sampled for it. `transit` is
    /// within how many ticks inputs reach others ([`Transit::typical`]), and `is_steady` whether the
    /// input is the same as the one of the tick before.
    pub(crate) fn next(&mut self, transit: Option<f64>, is_steady: bool, now: Duration) -> u8 {
        let (low, high) = self.bounds(transit);
        if self.ticks >= low {
            self.short_since = None;
        } else {
            let since = *self.short_since.get_or_insert(now);
            if is_steady || now.saturating_sub(since) >= RAISE_ANYWAY {
                self.ticks += 1;
                self.short_since = None;
            }
        }
        if self.ticks <= high {
            self.long_since = None;
        } else {
            let since = *self.long_since.get_or_insert(now);
            if is_steady && now.saturating_sub(since) >= self.patience() {
                self.ticks -= 1;
                self.long_since = None;
            }
        }
        self.ticks
    }

    /// From where to where the delay may stay as it is.
    fn bounds(&self, transit: Option<f64>) -> (u8, u8) {
        let (min, max, tolerated) = match self.policy {
            DelayPolicy::Fixed(ticks) => (ticks, ticks, 0),
            DelayPolicy::Auto {
                min,
                max,
                tolerated,
            } => (min, max, tolerated),
        };
        let max = max.min(MAX_INPUT_DELAY);
        let min = min.min(max);
        let Some(transit) = transit else {
            return (min, max);
        };
        // A number that is no number, or negative, becomes 0.
        let needed = |ticks: f64| ((ticks - f64::from(tolerated)).ceil() as u8).clamp(min, max);
        (needed(transit), needed(transit + MARGIN))
    }

    fn patience(&self) -> Duration {
        match self.policy {
            DelayPolicy::Fixed(_) => Duration::ZERO,
            DelayPolicy::Auto { .. } => PATIENCE,
        }
    }
}
