//! One direction of a simulated network path in virtual time.

use core::time::Duration;
use std::collections::VecDeque;

/// A queue that drains at a fixed rate, followed by a delay. Unreliable messages can also be lost,
/// duplicated, delayed by jitter and therefore reordered.
pub(crate) struct Pipe<T> {
    /// The rate in bytes per second, or `None` if it is unlimited.
    pub(crate) rate: Option<f64>,
    pub(crate) delay: Duration,
    pub(crate) jitter: Duration,
    /// The probability that an unreliable message is lost.
    pub(crate) loss: f64,
    pub(crate) rng: fastrand::Rng,
    free_at: Duration,
    in_flight: VecDeque<(Duration, T)>,
}

impl<T: Clone> Pipe<T> {
    pub(crate) fn new(seed: u64, delay: Duration) -> Self {
        Self {
            rate: None,
            delay,
            jitter: Duration::ZERO,
            loss: 0.0,
            rng: fastrand::Rng::with_seed(seed),
            free_at: Duration::ZERO,
            in_flight: VecDeque::new(),
        }
    }

    /// Returns the time at which a message of `len` bytes leaves the queue.
    fn drained(&mut self, now: Duration, len: usize) -> Duration {
        let time = self.rate.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(len as f64 / rate)
        });
        self.free_at = self.free_at.max(now) + time;
        self.free_at
    }

    pub(crate) fn send_reliable(&mut self, now: Duration, len: usize, item: T) {
        let at = self.drained(now, len) + self.delay;
        self.insert(at, item);
    }

    pub(crate) fn send_unreliable(&mut self, now: Duration, len: usize, item: T) {
        let drained = self.drained(now, len);
        let copies = u32::from(self.rng.f64() >= self.loss)
            + u32::from(self.loss > 0.0 && self.rng.u8(..20) == 0);
        for _ in 0..copies {
            let at = drained + self.delay + self.jitter.mul_f64(self.rng.f64());
            self.insert(at, item.clone());
        }
    }

    fn insert(&mut self, at: Duration, item: T) {
        let index = self.in_flight.partition_point(|(other, _)| *other <= at);
        self.in_flight.insert(index, (at, item));
    }

    /// Returns the next message that has arrived, with its arrival time.
    pub(crate) fn receive(&mut self, now: Duration) -> Option<(Duration, T)> {
        self.in_flight.pop_front_if(|(at, _)| *at <= now)
    }

    /// Drops the messages in flight for which `is_lost` returns `true`.
    pub(crate) fn lose(&mut self, is_lost: impl Fn(&T) -> bool) {
        self.in_flight.retain(|(_, item)| !is_lost(item));
    }

    /// Calls `change` for every message in flight.
    pub(crate) fn change(&mut self, mut change: impl FnMut(&mut T)) {
        for (_, item) in &mut self.in_flight {
            change(item);
        }
    }
}
