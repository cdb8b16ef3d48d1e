//! The input delay: the number of ticks from the tick in which an input is sampled to the tick in
//! which it takes effect.

#[cfg(test)]
mod tests;
mod transit;

use std::time::Duration;

use huddle_session::Tick;

pub(crate) use self::transit::Transit;

/// The longest input delay, in ticks.
pub const MAX_INPUT_DELAY: u8 = 30;

/// The maximum time for which a change waits for an input that stays the same.
const MAX_CHANGE_WAIT: Duration = Duration::from_secs(1);

/// The time for which an automatic delay must have been too long before it is lowered.
const LOWER_AFTER: Duration = Duration::from_secs(5);

/// The part of a tick by which inputs must arrive earlier than necessary before an automatic delay is
/// lowered.
const MARGIN: f64 = 0.25;

/// How an input delay is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DelayPolicy {
    /// This number of ticks, at most [`MAX_INPUT_DELAY`].
    Fixed(u8),
    /// As long as the links require. It starts with the round-trip time that was measured before the
    /// first tick. If the links get worse, it usually follows within half a second. If they get
    /// better, it falls by a tick every 5 seconds.
    Auto {
        /// The minimum, in ticks.
        min: u8,
        /// The maximum, in ticks, at most [`MAX_INPUT_DELAY`].
        max: u8,
        /// The number of ticks for which other peers may have to predict an input. The delay is this
        /// much shorter than the time that inputs take to the other peers. It counts only up to the
        /// prediction window, beyond which the match would wait: in lockstep, it is 0.
        tolerated: u8,
    },
}

impl Default for DelayPolicy {
    /// From 0 to 8 ticks, with 2 predicted ticks.
    fn default() -> Self {
        Self::Auto {
            min: 0,
            max: 8,
            tolerated: 2,
        }
    }
}

/// The input delay of one seat, which can change during the match.
///
/// To raise the delay, an input is repeated. To lower it, an input is left out. The delay therefore
/// changes by one tick at a time, and if possible when the input is the same as in the previous tick,
/// so that no button press is extended or lost. An input that always moves, such as an analog stick,
/// delays a change by at most a second.
#[derive(Debug, Clone)]
pub(crate) struct InputDelay {
    policy: DelayPolicy,
    /// The prediction window.
    window: u8,
    /// `None` before the first tick.
    ticks: Option<u8>,
    /// The time since which the delay is too short.
    short_since: Option<Duration>,
    /// The time since which the delay is too long.
    long_since: Option<Duration>,
}

/// Returns the number of times to append the input of tick `now` to a log whose next tick is `log_next`, so
/// that the input takes effect `delay` ticks later.
///
/// The number is 1 while the delay stays the same. It is higher by one for each tick by which the delay was
/// raised, and 0 while the delay is lowered. At the start, the input fills the ticks before
/// the first one in which it can take effect.
pub(crate) fn copies(now: Tick, log_next: Tick, delay: u8) -> u32 {
    let after = now + u32::from(delay) + 1;
    u32::try_from(after.since(log_next)).unwrap_or(0)
}

impl InputDelay {
    /// Creates a delay for a match with this prediction window.
    pub(crate) fn new(policy: DelayPolicy, window: u8) -> Self {
        Self {
            policy,
            window,
            ticks: None,
            short_since: None,
            long_since: None,
        }
    }

    /// Changes the policy. The delay follows tick by tick in [`next`](Self::next).
    pub(crate) fn set(&mut self, policy: DelayPolicy) {
        if policy != self.policy {
            self.policy = policy;
            self.long_since = None;
        }
    }

    /// Returns the delay in ticks. Before the first tick, it is the minimum.
    pub(crate) fn ticks(&self) -> u8 {
        self.ticks.unwrap_or_else(|| self.bounds(None).0)
    }

    /// Advances by a tick, and returns the delay of the input that was sampled for it. `transit` is
    /// the time that inputs take to the other peers, in ticks ([`Transit::typical`]). `is_steady` is
    /// whether the input is the same as in the previous tick.
    pub(crate) fn next(&mut self, transit: Option<f64>, is_steady: bool, now: Duration) -> u8 {
        let (low, high) = self.bounds(transit);
        let mut ticks = self.ticks.unwrap_or(low);
        if ticks >= low {
            self.short_since = None;
        } else {
            let since = *self.short_since.get_or_insert(now);
            if is_steady || now.saturating_sub(since) >= MAX_CHANGE_WAIT {
                ticks += 1;
                self.short_since = None;
            }
        }
        if ticks <= high {
            self.long_since = None;
        } else {
            let since = *self.long_since.get_or_insert(now);
            let waited = now.saturating_sub(since).checked_sub(self.lower_after());
            if waited.is_some_and(|waited| is_steady || waited >= MAX_CHANGE_WAIT) {
                ticks -= 1;
                self.long_since = None;
            }
        }
        self.ticks = Some(ticks);
        ticks
    }

    /// Returns the minimum and the maximum with which the delay stays the same.
    fn bounds(&self, transit: Option<f64>) -> (u8, u8) {
        let (min, max, tolerated) = match self.policy {
            DelayPolicy::Fixed(ticks) => (ticks, ticks, 0),
            DelayPolicy::Auto {
                min,
                max,
                tolerated,
            } => (min, max, tolerated.min(self.window)),
        };
        let max = max.min(MAX_INPUT_DELAY);
        let min = min.min(max);
        let Some(transit) = transit else {
            return (min, max);
        };
        // The cast turns NaN and negative numbers into 0.
        let needed = |ticks: f64| ((ticks - f64::from(tolerated)).ceil() as u8).clamp(min, max);
        (needed(transit), needed(transit + MARGIN))
    }

    fn lower_after(&self) -> Duration {
        match self.policy {
            DelayPolicy::Fixed(_) => Duration::ZERO,
            DelayPolicy::Auto { .. } => LOWER_AFTER,
        }
    }
}
