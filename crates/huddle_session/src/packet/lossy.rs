//! A simulated network that loses, delays, reorders and duplicates packets, driven by a seed.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;

/// One direction of a network.
pub(crate) struct Lossy {
    pub(crate) rng: Rng,
    /// The share of lost packets.
    pub(crate) loss: f64,
    /// The share of duplicated packets.
    pub(crate) duplicates: f64,
    /// The minimum latency.
    pub(crate) delay: Duration,
    /// The maximum additional latency, in milliseconds.
    pub(crate) jitter_ms: u64,
    in_flight: Vec<(Duration, Bytes)>,
}

impl Lossy {
    /// Creates a network with a latency of 20 ms and without loss.
    pub(crate) fn good(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            loss: 0.0,
            duplicates: 0.0,
            delay: Duration::from_millis(20),
            jitter_ms: 0,
            in_flight: Vec::new(),
        }
    }

    /// Creates a network with random loss, duplication, latency and jitter.
    pub(crate) fn bad(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        Self {
            loss: rng.f64() * 0.5,
            duplicates: rng.f64() * 0.3,
            delay: Duration::from_millis(rng.u64(0..150)),
            jitter_ms: rng.u64(0..120),
            in_flight: Vec::new(),
            rng,
        }
    }

    pub(crate) fn send(&mut self, now: Duration, bytes: Bytes) {
        let copies = if self.rng.f64() < self.loss {
            0
        } else if self.rng.f64() < self.duplicates {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let jitter = Duration::from_millis(self.rng.u64(0..=self.jitter_ms));
            self.in_flight
                .push((now + self.delay + jitter, bytes.clone()));
        }
    }

    /// Returns the packets that have arrived at `now` with their arrival times, in order of
    /// arrival.
    pub(crate) fn arrivals(&mut self, now: Duration) -> Vec<(Duration, Bytes)> {
        let (mut arrived, in_flight): (Vec<_>, _) =
            self.in_flight.drain(..).partition(|&(at, _)| at <= now);
        self.in_flight = in_flight;
        arrived.sort_by_key(|&(at, _)| at);
        arrived
    }
}
