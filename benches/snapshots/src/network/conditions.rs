use std::time::Duration;

use fastrand::Rng;

/// The properties of all links.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conditions {
    pub(crate) one_way: Duration,
    /// A packet takes up to this much longer, uniformly.
    pub(crate) jitter: Duration,
    /// The share of lost packets, from 0 to 1.
    pub(crate) loss: f64,
}

impl Conditions {
    /// Returns the conditions of most benchmarks: 50 ms one way and 10 ms of jitter.
    pub(crate) fn with_loss(percent: u32) -> Self {
        Self {
            one_way: Duration::from_millis(50),
            jitter: Duration::from_millis(10),
            loss: f64::from(percent) / 100.0,
        }
    }

    /// Returns the mean time of a packet to the other peer and back.
    pub(crate) fn round_trip(&self) -> Duration {
        self.one_way * 2 + self.jitter
    }

    /// Returns how long a packet takes, or `None` if it is lost.
    pub(crate) fn delay(&self, rng: &mut Rng) -> Option<Duration> {
        let is_lost = rng.f64() < self.loss;
        (!is_lost).then(|| self.one_way + self.jitter.mul_f64(rng.f64()))
    }
}
