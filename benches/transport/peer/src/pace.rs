use std::{
    thread,
    time::{Duration, Instant},
};

/// A sequence of moments at equal intervals.
pub(crate) struct Pace {
    next: Instant,
    interval: Duration,
}

impl Pace {
    pub(crate) fn new(first: Instant, interval: Duration) -> Self {
        Self {
            next: first,
            interval,
        }
    }

    /// Returns whether the next moment has come. Moments that were missed are skipped.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        self.next += self.interval;
        if self.next < now {
            self.next = now + self.interval;
        }
        true
    }

    /// Sleeps until the next moment.
    pub(crate) fn sleep(&mut self) {
        thread::sleep(self.next.saturating_duration_since(Instant::now()));
        self.is_due(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_moments_are_skipped() {
        let (start, interval) = (Instant::now(), Duration::from_millis(10));
        let mut pace = Pace::new(start, interval);
        assert!(pace.is_due(start));
        assert!(!pace.is_due(start + interval / 2));
        assert!(pace.is_due(start + 5 * interval));
        assert!(!pace.is_due(start + 5 * interval));
        assert!(pace.is_due(start + 6 * interval));
    }
}
