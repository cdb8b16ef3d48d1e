//! How fast somebody may send.

use std::time::Duration;

/// A token bucket: a burst is free, and then the rate holds.
#[derive(Debug)]
pub(crate) struct Bucket {
    burst: u32,
    per_second: u32,
    /// In millionths, so that nothing is lost to rounding.
    tokens: u64,
    updated: Duration,
}

const WHOLE: u64 = 1_000_000;

impl Bucket {
    pub(crate) fn new(burst: u32, per_second: u32, now: Duration) -> Self {
        Self {
            burst,
            per_second,
            tokens: u64::from(burst) * WHOLE,
            updated: now,
        }
    }

    /// Pays for something, if there is enough.
    pub(crate) fn take(&mut self, now: Duration, price: u32) -> bool {
        let step = now.saturating_sub(std::mem::replace(&mut self.updated, now));
        let micros = u64::try_from(step.as_micros()).unwrap_or(u64::MAX);
        let earned = micros.saturating_mul(self.per_second.into());
        self.tokens = self
            .tokens
            .saturating_add(earned)
            .min(u64::from(self.burst) * WHOLE);
        let price = u64::from(price) * WHOLE;
        let pays = self.tokens >= price;
        if pays {
            self.tokens -= price;
        }
        pays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_then_the_rate_holds() {
        let mut bucket = Bucket::new(100, 10, Duration::ZERO);
        assert!((0..100).all(|_| bucket.take(Duration::ZERO, 1)));
        assert!(!bucket.take(Duration::ZERO, 1));
        let passed = (1..=1000)
            .filter(|ms| bucket.take(Duration::from_millis(*ms), 1))
            .count();
        assert_eq!(passed, 10);
    }

    #[test]
    fn waiting_earns_one_burst_at_most_and_what_is_dear_takes_more() {
        let mut bucket = Bucket::new(20, 1, Duration::ZERO);
        let late = Duration::from_secs(1 << 40);
        assert!(bucket.take(late, 16));
        assert!(!bucket.take(late, 16));
        assert!(bucket.take(late, 4));
    }
}
