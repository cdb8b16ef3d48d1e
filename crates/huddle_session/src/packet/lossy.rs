//! A network for tests that loses, delays, reorders and duplicates by a seed.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;

/// One direction of a network.
pub(crate) struct Lossy {
    pub(crate) rng: Rng,
    /// The share of packets that are lost.
    pub(crate) loss: f64,
    /// The share of packets that arrive twice.
    pub(crate) duplicates: f64,
    /// The shortest time a packet takes.
    pub(crate) delay: Duration,
    /// How much longer it may take, in milliseconds.
    pub(crate) jitter_ms: u64,
    under_way: Vec<(Duration, Bytes)>,
}

impl Lossy {
    /// A network that takes 20 ms and loses nothing.
    pub(crate) fn good(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            loss: 0.0,
            duplicates: 0.0,
            delay: Duration::from_millis(20),
            jitter_ms: 0,
            under_way: Vec::new(),
        }
    }

    /// A network that does whatever networks do.
    pub(crate) fn bad(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        Self {
            loss: rng.f64() * 0.5,
            duplicates: rng.f64() * 0.3,
            delay: Duration::from_millis(rng.u64(0..150)),
            jitter_ms: rng.u64(0..120),
            under_way: Vec::new(),
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
            self.under_way
                .push((now + self.delay + jitter, bytes.clone()));
        }
    }

    /// What has arrived until now, in that order, with the times.
    pub(crate) fn arrivals(&mut self, now: Duration) -> Vec<(Duration, Bytes)> {
        let (mut arrived, under_way): (Vec<_>, _) =
            self.under_way.drain(..).partition(|&(at, _)| at <= now);
        self.under_way = under_way;
        arrived.sort_by_key(|&(at, _)| at);
        arrived
    }
}
