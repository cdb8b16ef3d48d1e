//! One direction of a network path in virtual time, for tests.

use core::time::Duration;
use std::collections::VecDeque;

/// A queue that drains at a rate, then a delay. What is sent unreliably also meets loss,
/// duplication, jitter and so reordering.
pub(crate) struct Pipe<T> {
    /// Bytes per second, if that is bounded.
    pub(crate) rate: Option<f64>,
    pub(crate) delay: Duration,
    pub(crate) jitter: Duration,
    /// How likely something unreliable is lost, of 1.
    pub(crate) loss: f64,
    pub(crate) rng: fastrand::Rng,
    free_at: Duration,
    flying: VecDeque<(Duration, T)>,
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
            flying: VecDeque::new(),
        }
    }

    /// When something of so many bytes leaves the queue.
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
        let index = self.flying.partition_point(|(other, _)| *other <= at);
        self.flying.insert(index, (at, item));
    }

    /// What has arrived, with the time it did.
    pub(crate) fn receive(&mut self, now: Duration) -> Option<(Duration, T)> {
        self.flying.pop_front_if(|(at, _)| *at <= now)
    }

    /// Loses what is on its way, where that is so.
    pub(crate) fn lose(&mut self, is_lost: impl Fn(&T) -> bool) {
        self.flying.retain(|(_, item)| !is_lost(item));
    }

    /// Changes what is on its way.
    pub(crate) fn change(&mut self, mut change: impl FnMut(&mut T)) {
        for (_, item) in &mut self.flying {
            change(item);
        }
    }
}
