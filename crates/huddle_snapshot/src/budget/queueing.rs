//! Measures how long packets of a link wait in a queue.

use std::{collections::VecDeque, time::Duration};

/// The time for which a round-trip time counts for the base. Afterwards, the link may have taken
/// another route.
const BASE_MEMORY: Duration = Duration::from_secs(30);

/// The base is the minimum over this many periods, the current one included.
const BASE_PERIODS: usize = 6;

/// The number of recent samples that must all be high. One late packet is jitter, not a queue.
const RECENT: usize = 4;

/// The queueing delay of a link: its recent round-trip time minus the smallest of the last 30 s.
#[derive(Debug, Clone, Default)]
pub(super) struct QueueingDelay {
    /// The minimum of each period with its start. The newest is the last.
    minima: VecDeque<(Duration, Duration)>,
    recent: VecDeque<Duration>,
}

impl QueueingDelay {
    /// Handles a round-trip time measured at `now`.
    pub(super) fn observe(&mut self, round_trip: Duration, now: Duration) {
        let period = BASE_MEMORY / BASE_PERIODS as u32;
        match self.minima.back_mut() {
            Some((start, min)) if now.saturating_sub(*start) < period => {
                *min = round_trip.min(*min)
            }
            _ => self.minima.push_back((now, round_trip)),
        }
        while self.minima.len() > BASE_PERIODS {
            self.minima.pop_front();
        }
        self.recent.push_back(round_trip);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// The queueing delay. It is zero before the fourth sample.
    pub(super) fn delay(&self) -> Duration {
        let base = self.minima.iter().map(|(_, min)| *min).min();
        match (base, self.recent.iter().min()) {
            (Some(base), Some(recent)) if self.recent.len() == RECENT => {
                recent.saturating_sub(base)
            }
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observe(delay: &mut QueueingDelay, from: u64, millis: &[u64]) -> u64 {
        for (at, &millis) in (from..).zip(millis) {
            delay.observe(
                Duration::from_millis(millis),
                Duration::from_millis(100 * at),
            );
        }
        delay.delay().as_millis() as u64
    }

    #[test]
    fn jitter_is_no_queue_but_a_rising_round_trip_time_is() {
        let mut delay = QueueingDelay::default();
        assert_eq!(observe(&mut delay, 0, &[50, 90, 200]), 0);
        assert_eq!(observe(&mut delay, 3, &[60, 250, 70, 90]), 10);
        assert_eq!(observe(&mut delay, 7, &[150, 160, 170, 180]), 100);
        assert_eq!(observe(&mut delay, 11, &[50]), 0);
    }

    #[test]
    fn longer_route_becomes_the_base() {
        let mut delay = QueueingDelay::default();
        observe(&mut delay, 0, &[20; 20]);
        assert_eq!(observe(&mut delay, 20, &[120; 100]), 100);
        assert_eq!(observe(&mut delay, 120, &[120; 300]), 0);
    }
}
