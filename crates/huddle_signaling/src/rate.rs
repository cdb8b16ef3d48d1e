use std::time::{Duration, Instant};

/// A token bucket whose balance can be negative. It never rejects a message. Instead, the next
/// message has to wait until the balance is zero again.
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

    /// Takes `cost` tokens, and returns the time to wait before the next call.
    pub(crate) fn take(&mut self, cost: u32, now: Instant) -> Duration {
        let earned = now.saturating_duration_since(self.updated).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + earned).min(self.capacity) - f64::from(cost);
        self.updated = now;
        let debt = (-self.tokens).max(0.0);
        Duration::try_from_secs_f64(debt / self.per_second).unwrap_or(Duration::MAX)
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
}
