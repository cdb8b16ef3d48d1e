//! Measures the interval between consecutive ticks of a kind.

/// The number of ticks that count.
const TICKS: usize = 6;

/// The newest ticks at which something was sent, and the typical interval between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cadence {
    /// The first `len` are in ascending order.
    ticks: [u32; TICKS],
    len: usize,
    interval: Option<f64>,
}

impl Cadence {
    /// Creates a cadence with its first tick.
    pub(super) fn new(tick: u32) -> Self {
        Self {
            ticks: [tick; TICKS],
            len: 1,
            interval: None,
        }
    }

    /// Adds a tick, in any order. Intervals longer than `max_interval` ticks are rests and do not
    /// count. Returns `false` if the tick is a duplicate or too old to count.
    pub(super) fn insert(&mut self, tick: u32, max_interval: f64) -> bool {
        let known = &self.ticks[..self.len];
        let at = known.partition_point(|&other| other < tick);
        if known.get(at) == Some(&tick) || (self.len == TICKS && at == 0) {
            return false;
        }
        if self.len < TICKS {
            self.ticks.copy_within(at..self.len, at + 1);
            self.ticks[at] = tick;
            self.len += 1;
        } else {
            self.ticks.copy_within(1..at, 0);
            self.ticks[at - 1] = tick;
        }
        self.interval = self.median(max_interval).or(self.interval);
        true
    }

    /// The newest tick.
    pub(super) fn newest(&self) -> u32 {
        self.ticks[self.len - 1]
    }

    /// The tick before the newest one.
    pub(super) fn previous(&self) -> Option<u32> {
        Some(self.ticks[self.len.checked_sub(2)?])
    }

    /// The typical interval in ticks: the median of the newest, so that a single loss or pause does
    /// not count. Returns `None` before there is one.
    pub(super) fn interval(&self) -> Option<f64> {
        self.interval
    }

    fn median(&self, max_interval: f64) -> Option<f64> {
        let mut intervals = [0; TICKS];
        let mut count = 0;
        for pair in self.ticks[..self.len].windows(2) {
            let interval = pair[1] - pair[0];
            if f64::from(interval) <= max_interval {
                intervals[count] = interval;
                count += 1;
            }
        }
        let intervals = &mut intervals[..count];
        intervals.sort_unstable();
        intervals.get(count / 2).copied().map(f64::from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cadence(ticks: &[u32]) -> Cadence {
        let mut cadence = Cadence::new(ticks[0]);
        for &tick in &ticks[1..] {
            cadence.insert(tick, 9.0);
        }
        cadence
    }

    #[test]
    fn interval_ignores_losses_reordering_and_rests() {
        let interval = |ticks: &[u32]| cadence(ticks).interval();
        assert_eq!(interval(&[5]), None);
        assert_eq!(interval(&[5, 8]), Some(3.0));
        assert_eq!(interval(&[3, 6, 9, 15, 18, 21]), Some(3.0));
        assert_eq!(interval(&[3, 9, 6, 15, 12, 18]), Some(3.0));
        assert_eq!(interval(&[3, 6, 9, 70, 140, 210, 280, 350, 420]), Some(3.0));
    }

    #[test]
    fn interval_follows_a_new_rate_after_three_ticks() {
        let mut cadence = cadence(&[1, 2, 3, 4, 5, 6]);
        for (tick, interval) in [(12, 1.0), (18, 1.0), (24, 6.0)] {
            cadence.insert(tick, 9.0);
            assert_eq!(cadence.interval(), Some(interval));
        }
    }

    proptest! {
        #[test]
        fn newest_ticks_are_kept_in_order(ticks in prop::collection::vec(0u32..20, 1..30)) {
            let cadence = cadence(&ticks);
            let mut sorted = ticks;
            sorted.sort_unstable();
            sorted.dedup();
            let newest = &sorted[sorted.len().saturating_sub(TICKS)..];
            prop_assert_eq!(cadence.newest(), newest[newest.len() - 1]);
            prop_assert_eq!(&cadence.ticks[..cadence.len], newest);
            prop_assert_eq!(cadence.previous(), newest.iter().rev().nth(1).copied());
        }
    }
}
