//! Rate limits.

use std::time::Duration;

/// A token bucket: allows a burst of `burst` tokens and then `per_second` tokens per second.
#[derive(Debug)]
pub(crate) struct Bucket {
    burst: u32,
    per_second: u32,
    /// In millionths of a token, so that rounding loses nothing.
    tokens: u64,
    updated: Duration,
}

/// Units of [`Bucket::tokens`] per token.
const UNITS_PER_TOKEN: u64 = 1_000_000;

impl Bucket {
    pub(crate) fn new(burst: u32, per_second: u32, now: Duration) -> Self {
        Self {
            burst,
            per_second,
            tokens: u64::from(burst) * UNITS_PER_TOKEN,
            updated: now,
        }
    }

    /// Takes `price` tokens. Returns `false` and takes none if there are too few.
    pub(crate) fn take(&mut self, now: Duration, price: u32) -> bool {
        let step = now.saturating_sub(std::mem::replace(&mut self.updated, now));
        let micros = u64::try_from(step.as_micros()).unwrap_or(u64::MAX);
        let earned = micros.saturating_mul(self.per_second.into());
        self.tokens = self
            .tokens
            .saturating_add(earned)
            .min(u64::from(self.burst) * UNITS_PER_TOKEN);
        let price = u64::from(price) * UNITS_PER_TOKEN;
        let is_allowed = self.tokens >= price;
        if is_allowed {
            self.tokens -= price;
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_is_allowed_and_then_the_rate_applies() {
        let mut bucket = Bucket::new(100, 10, Duration::ZERO);
        assert!((0..100).all(|_| bucket.take(Duration::ZERO, 1)));
        assert!(!bucket.take(Duration::ZERO, 1));
        let passed = (1..=1000)
            .filter(|ms| bucket.take(Duration::from_millis(*ms), 1))
            .count();
        assert_eq!(passed, 10);
    }

    #[test]
    fn bucket_holds_at_most_one_burst_and_higher_price_takes_more() {
        let mut bucket = Bucket::new(20, 1, Duration::ZERO);
        let later = Duration::from_secs(1 << 40);
        assert!(bucket.take(later, 16));
        assert!(!bucket.take(later, 16));
        assert!(bucket.take(later, 4));
    }
}
