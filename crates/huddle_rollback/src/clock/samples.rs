use std::time::Duration;

/// Samples are clamped to this magnitude.
const LIMIT: f64 = 1e6;

/// The newest `N` samples of a value, each with its time.
#[derive(Debug, Clone)]
pub(crate) struct Samples<const N: usize> {
    samples: [(Duration, f64); N],
    len: usize,
    next: usize,
    /// The values in ascending order.
    sorted: [f64; N],
}

impl<const N: usize> Default for Samples<N> {
    fn default() -> Self {
        Self {
            samples: [(Duration::ZERO, 0.0); N],
            len: 0,
            next: 0,
            sorted: [0.0; N],
        }
    }
}

impl<const N: usize> Samples<N> {
    /// Adds a sample. If there are `N`, it replaces the oldest one. Values that are not finite are ignored.
    pub(crate) fn push(&mut self, now: Duration, value: f64) {
        if !value.is_finite() {
            return;
        }
        let value = value.clamp(-LIMIT, LIMIT);
        if self.len == N {
            let oldest = self.samples[self.next].1;
            let at = self.place(oldest);
            self.sorted.copy_within(at + 1..self.len, at);
            self.len -= 1;
        }
        let at = self.place(value);
        self.sorted.copy_within(at..self.len, at + 1);
        self.sorted[at] = value;
        self.len += 1;
        self.samples[self.next] = (now, value);
        self.next = (self.next + 1) % N;
    }

    /// Returns the index of a value in `sorted`, or where to insert it.
    fn place(&self, value: f64) -> usize {
        self.sorted[..self.len].partition_point(|other| other.total_cmp(&value).is_lt())
    }

    /// Returns the samples not older than `memory` in ascending order.
    pub(crate) fn sorted<'a>(
        &'a self,
        now: Duration,
        memory: Duration,
        space: &'a mut [f64; N],
    ) -> &'a [f64] {
        let counts = |at| now.saturating_sub(at) <= memory;
        let (oldest, _) = self.samples[if self.len == N { self.next } else { 0 }];
        if counts(oldest) {
            return &self.sorted[..self.len];
        }
        let mut len = 0;
        for &(at, value) in &self.samples[..self.len] {
            if counts(at) {
                space[len] = value;
                len += 1;
            }
        }
        space[..len].sort_unstable_by(f64::total_cmp);
        &space[..len]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_newest_samples_are_kept() {
        let (mut kept, mut space) = (Samples::<3>::default(), [0.0; 3]);
        let second = Duration::from_secs(1);
        assert!(kept.sorted(second, second, &mut space).is_empty());
        for (at, value) in (0..).zip([5.0, 1.0, 9.0, 4.0]) {
            kept.push(second * at, value);
        }
        assert_eq!(
            kept.sorted(second * 3, second * 2, &mut space),
            [1.0, 4.0, 9.0]
        );
        assert_eq!(kept.sorted(second * 3, second, &mut space), [4.0, 9.0]);
        assert!(kept.sorted(second * 9, second, &mut space).is_empty());
    }

    #[test]
    fn values_that_are_not_finite_are_ignored() {
        let (mut kept, mut space) = (Samples::<4>::default(), [0.0; 4]);
        for value in [f64::NAN, f64::INFINITY, -f64::MAX, 2.0] {
            kept.push(Duration::ZERO, value);
        }
        let sorted = kept.sorted(Duration::ZERO, Duration::ZERO, &mut space);
        assert_eq!(sorted, [-LIMIT, 2.0]);
    }

    proptest! {
        #[test]
        fn sorted_returns_samples_that_are_young_enough(
            samples in prop::collection::vec((0u64..9, prop_oneof![-3.0..3.0, Just(0.0), Just(-0.0)]), 0..40),
            memory in 0u64..60,
        ) {
            let (mut kept, mut space) = (Samples::<16>::default(), [0.0; 16]);
            let mut now = Duration::ZERO;
            let mut taken = Vec::new();
            for (passed, value) in samples {
                now += Duration::from_secs(passed);
                kept.push(now, value);
                taken.push((now, value));
                let memory = Duration::from_secs(memory);
                let newest = &taken[taken.len().saturating_sub(16)..];
                let young = newest.iter().filter(|(at, _)| now - *at <= memory);
                let mut expected: Vec<_> = young.map(|(_, value)| *value).collect();
                expected.sort_unstable_by(f64::total_cmp);
                let sorted = kept.sorted(now, memory, &mut space);
                prop_assert_eq!(format!("{sorted:?}"), format!("{expected:?}"));
            }
        }
    }
}
