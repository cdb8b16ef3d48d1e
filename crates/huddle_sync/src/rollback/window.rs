use std::time::Duration;

/// Beyond this a sample says no more than this.
const LIMIT: f64 = 1e6;

/// The newest samples of something, each with when it was taken.
#[derive(Debug, Clone)]
pub(super) struct Window<const N: usize> {
    samples: [(Duration, f64); N],
    len: usize,
    next: usize,
}

impl<const N: usize> Default for Window<N> {
    fn default() -> Self {
        Self {
            samples: [(Duration::ZERO, 0.0); N],
            len: 0,
            next: 0,
        }
    }
}

impl<const N: usize> Window<N> {
    /// Takes a sample in place of the oldest. What is no number is not taken, and what is beyond
    /// all reason counts as a million.
    pub(super) fn push(&mut self, now: Duration, value: f64) {
        if value.is_finite() {
            self.samples[self.next] = (now, value.clamp(-LIMIT, LIMIT));
            self.next = (self.next + 1) % N;
            self.len = (self.len + 1).min(N);
        }
    }

    /// The samples no older than `memory`, the smallest first.
    pub(super) fn sorted<'a>(
        &self,
        now: Duration,
        memory: Duration,
        space: &'a mut [f64; N],
    ) -> &'a [f64] {
        let mut len = 0;
        for &(at, value) in &self.samples[..self.len] {
            if now.saturating_sub(at) <= memory {
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
    use super::*;

    #[test]
    fn it_holds_the_newest_and_forgets_the_old() {
        let (mut window, mut space) = (Window::<3>::default(), [0.0; 3]);
        let second = Duration::from_secs(1);
        assert!(window.sorted(second, second, &mut space).is_empty());
        for (at, value) in (0..).zip([5.0, 1.0, 9.0, 4.0]) {
            window.push(second * at, value);
        }
        assert_eq!(
            window.sorted(second * 3, second * 2, &mut space),
            [1.0, 4.0, 9.0]
        );
        assert_eq!(window.sorted(second * 3, second, &mut space), [4.0, 9.0]);
        assert!(window.sorted(second * 9, second, &mut space).is_empty());
    }

    #[test]
    fn what_is_no_number_is_not_taken() {
        let (mut window, mut space) = (Window::<4>::default(), [0.0; 4]);
        for value in [f64::NAN, f64::INFINITY, -f64::MAX, 2.0] {
            window.push(Duration::ZERO, value);
        }
        let sorted = window.sorted(Duration::ZERO, Duration::ZERO, &mut space);
        assert_eq!(sorted, [-LIMIT, 2.0]);
    }
}
