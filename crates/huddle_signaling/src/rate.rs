use std::time::{Duration, Instant};

/// A token bucket whose balance can be negative.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    capacity: f64,
    per_second: f64,
    tokens: f64,
    updated: Instant,
}

impl TokenBucket {
    pub(crate) fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        Self {
            capacity: burst.into(),
            per_second: per_second.into(),
            tokens: burst.into(),
            updated: now,
        }
    }

    /// Takes `cost` tokens, and returns the time to wait before the next call. Never rejects.
    pub(crate) fn take(&mut self, cost: u32, now: Instant) -> Duration {
        self.refill(now);
        self.tokens -= f64::from(cost);
        self.time_until(0.0)
    }

    /// Takes a token, or returns the time until there is one.
    pub(crate) fn try_take(&mut self, now: Instant) -> Result<(), Duration> {
        self.refill(now);
        if self.tokens < 1.0 {
            return Err(self.time_until(1.0));
        }
        self.tokens -= 1.0;
        Ok(())
    }

    /// Returns whether the bucket is as full as a new one.
    pub(crate) fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens >= self.capacity
    }

    fn refill(&mut self, now: Instant) {
        let earned = now.saturating_duration_since(self.updated).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + earned).min(self.capacity);
        self.updated = self.updated.max(now);
    }

    fn time_until(&self, tokens: f64) -> Duration {
        let missing = (tokens - self.tokens).max(0.0);
        Duration::try_from_secs_f64(missing / self.per_second).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_applies_after_a_burst() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(100, 10, start);
        for _ in 0..100 {
            assert_eq!(bucket.take(1, start), Duration::ZERO);
        }
        assert_eq!(bucket.take(1, start), Duration::from_millis(100));
        assert_eq!(bucket.take(4, start), Duration::from_millis(500));
        let paid = start + Duration::from_millis(600);
        assert_eq!(bucket.take(1, paid), Duration::ZERO);
    }

    #[test]
    fn idle_time_earns_at_most_one_burst() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(5, 10, start);
        let later = start + Duration::from_secs(3600);
        assert_eq!(bucket.take(5, later), Duration::ZERO);
        assert_eq!(bucket.take(1, later), Duration::from_millis(100));
    }

    #[test]
    fn clock_that_steps_back_is_tolerated() {
        let start = Instant::now() + Duration::from_secs(10);
        let mut bucket = TokenBucket::new(1, 1, start);
        assert_eq!(
            bucket.take(1, start - Duration::from_secs(5)),
            Duration::ZERO
        );
    }

    #[test]
    fn rejection_costs_nothing() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(2, 4, start);
        assert!(bucket.is_full(start));
        assert_eq!(bucket.try_take(start), Ok(()));
        assert_eq!(bucket.try_take(start), Ok(()));
        for _ in 0..10 {
            assert_eq!(bucket.try_take(start), Err(Duration::from_millis(250)));
        }
        let later = start + Duration::from_millis(250);
        assert_eq!(bucket.try_take(later), Ok(()));
        assert!(!bucket.is_full(later));
        assert!(bucket.is_full(start + Duration::from_secs(1)));
    }
}
