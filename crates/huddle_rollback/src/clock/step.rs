use std::time::Duration;

use huddle_session::{Tick, TickRate};

/// The time between two steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepClock {
    rate: TickRate,
    /// The time of the last step.
    stepped: Duration,
}

/// The part of the time between two steps that counts. A machine that slept cannot conclude that a peer was
/// silent.
const MAX_STEP: Duration = Duration::from_millis(250);

impl StepClock {
    pub(crate) fn new(rate: TickRate, now: Duration) -> Self {
        Self { rate, stepped: now }
    }

    /// Starts a step. Returns the time since the previous step, without the time in which the machine slept.
    pub(crate) fn step(&mut self, now: Duration) -> Duration {
        let passed = now.saturating_sub(self.stepped).min(MAX_STEP);
        self.stepped = now;
        passed
    }

    /// Returns the part of a tick that has passed since the last step, from 0 to 1.
    pub(crate) fn fraction(&self, now: Duration) -> f64 {
        let passed = now.as_secs_f64() - self.stepped.as_secs_f64();
        (passed * self.rate.hz()).clamp(-4.0, 1.0)
    }

    /// Returns a point in time in ticks. `next` is the tick that is simulated next.
    pub(crate) fn position(&self, next: Tick, now: Duration) -> f64 {
        f64::from(next.0) + self.fraction(now)
    }

    /// Returns the time of the last step.
    pub(crate) fn stepped(&self) -> Duration {
        self.stepped
    }

    /// Returns the number of ticks in a duration.
    pub(crate) fn ticks(&self, time: Duration) -> f64 {
        time.as_secs_f64() * self.rate.hz()
    }
}
