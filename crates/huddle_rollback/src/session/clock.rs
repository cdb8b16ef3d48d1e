use std::time::Duration;

use huddle_session::{Tick, TickRate};

/// Where this player is between two ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepClock {
    rate: TickRate,
    /// When the last step was.
    stepped: Duration,
}

/// How much time one step can stand for: a machine that slept does not say that others did.
const MAX_STEP: Duration = Duration::from_millis(250);

impl StepClock {
    pub(super) fn new(rate: TickRate, now: Duration) -> Self {
        Self { rate, stepped: now }
    }

    /// A step happens; returns the time since the one before, as far as this machine was awake.
    pub(super) fn step(&mut self, now: Duration) -> Duration {
        let passed = now.saturating_sub(self.stepped).min(MAX_STEP);
        self.stepped = now;
        passed
    }

    /// How far a tick has come at a moment, if it is the one after the last step: 0 to 1.
    pub(super) fn fraction(&self, now: Duration) -> f64 {
        let passed = now.as_secs_f64() - self.stepped.as_secs_f64();
        (passed * self.rate.hz()).clamp(-4.0, 1.0)
    }

    /// The moment as a number of ticks, when `next` is the tick that is simulated next.
    pub(super) fn position(&self, next: Tick, now: Duration) -> f64 {
        f64::from(next.0) + self.fraction(now)
    }

    /// When the last step was.
    pub(super) fn stepped(&self) -> Duration {
        self.stepped
    }

    /// How many ticks there are in a time.
    pub(super) fn ticks(&self, time: Duration) -> f64 {
        time.as_secs_f64() * self.rate.hz()
    }
}
