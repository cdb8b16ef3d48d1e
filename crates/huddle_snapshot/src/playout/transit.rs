//! Measures how unevenly snapshots arrive.

use std::{collections::VecDeque, time::Duration};

/// The maximum number of arrivals that count.
const MAX_ARRIVALS: usize = 64;

/// The number of arrivals that count regardless of their age.
const MIN_ARRIVALS: usize = 8;

/// The time for which an arrival counts.
const MEMORY: Duration = Duration::from_secs(2);

/// The part of the snapshots that should arrive in time.
const IN_TIME: f64 = 0.95;

/// The transit times of recent snapshots. A transit time is the arrival time minus the time of the
/// tick on the owner's clock. The difference between the two clocks is unknown, so only the
/// differences between transit times have a meaning.
#[derive(Debug, Clone)]
pub(super) struct Transit {
    /// The arrival time and the transit time in seconds.
    arrivals: VecDeque<(Duration, f64)>,
    base: f64,
    late: f64,
}

impl Transit {
    /// Creates a history with its first transit time, in seconds.
    pub(super) fn new(transit: f64, now: Duration) -> Self {
        Self {
            arrivals: VecDeque::from([(now, transit)]),
            base: transit,
            late: transit,
        }
    }

    /// Adds a transit time, in seconds.
    pub(super) fn push(&mut self, transit: f64, now: Duration) {
        self.arrivals.push_back((now, transit));
        while self.arrivals.len() > MIN_ARRIVALS
            && let Some((oldest, _)) = self.arrivals.front()
            && (now.saturating_sub(*oldest) > MEMORY || self.arrivals.len() > MAX_ARRIVALS)
        {
            self.arrivals.pop_front();
        }
        let mut sorted: Vec<_> = self.arrivals.iter().map(|(_, transit)| *transit).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let late = (sorted.len() as f64 * IN_TIME) as usize;
        self.base = sorted.first().copied().unwrap_or(transit);
        self.late = sorted.get(late).copied().unwrap_or(transit);
    }

    /// The shortest transit time in seconds.
    pub(super) fn base(&self) -> f64 {
        self.base
    }

    /// The jitter in seconds: 95 % of the snapshots are at most this much slower than the fastest.
    pub(super) fn jitter(&self) -> f64 {
        self.late - self.base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transit(transits: impl IntoIterator<Item = f64>) -> Transit {
        let mut transit = Transit::new(1.0, Duration::ZERO);
        for (at, seconds) in (1..).zip(transits) {
            transit.push(seconds, Duration::from_millis(50) * at);
        }
        transit
    }

    #[test]
    fn jitter_covers_all_but_the_latest_snapshots() {
        assert_eq!(transit([1.0; 9]).jitter(), 0.0);
        let even = transit((0..100).map(|n| 1.0 + f64::from(n % 40) * 0.001));
        assert_eq!(even.base(), 1.0);
        assert!((0.035..0.039).contains(&even.jitter()), "{}", even.jitter());
        let outlier = transit((0..100).map(|n| if n == 90 { 3.0 } else { 1.0 }));
        assert_eq!(outlier.jitter(), 0.0);
    }

    #[test]
    fn longer_route_becomes_the_base() {
        let longer = transit((0..100).map(|n| if n < 50 { 1.0 } else { 1.5 }));
        assert_eq!((longer.base(), longer.jitter()), (1.5, 0.0));
    }
}
