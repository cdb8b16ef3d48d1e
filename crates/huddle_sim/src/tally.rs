use std::iter::Sum;

use super::network::Traffic;

/// The counts of one player of a match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of ticks, without resimulated ones.
    pub ticks: u64,
    /// The number of steps in which the next tick had to wait for inputs of other players.
    pub stalls: u64,
    /// The number of rollbacks.
    pub rollbacks: u64,
    /// The number of desyncs.
    pub desyncs: u64,
    /// The traffic that the player sent.
    pub sent: Traffic,
    lag_sum: u64,
    lag_max: u32,
    /// The number of rollbacks for each depth in ticks, from 0.
    depths: Vec<u64>,
}

impl Tally {
    /// Counts a new tick. The tick after it is `lag` ticks after the last confirmed one, which is 1 if
    /// nothing was predicted.
    pub fn advanced(&mut self, lag: u32) {
        self.ticks += 1;
        self.lag_sum += u64::from(lag);
        self.lag_max = self.lag_max.max(lag);
    }

    /// Counts a rollback of `depth` ticks.
    pub fn rolled_back(&mut self, depth: u32) {
        let depth = depth as usize;
        if self.depths.len() <= depth {
            self.depths.resize(depth + 1, 0);
        }
        self.depths[depth] += 1;
        self.rollbacks += 1;
    }

    /// Returns the mean of all lags, see [`Tally::advanced`].
    pub fn lag_mean(&self) -> f64 {
        ratio(self.lag_sum, self.ticks)
    }

    /// Returns the maximum lag.
    pub fn lag_max(&self) -> u32 {
        self.lag_max
    }

    /// Returns the minimum depth that this share of all rollbacks, from 0 to 1, does not exceed.
    /// Returns 0 without rollbacks.
    pub fn depth_quantile(&self, share: f64) -> u32 {
        let wanted = (share * self.rollbacks as f64).ceil().max(1.0) as u64;
        let mut counted = 0;
        let reached = self.depths.iter().position(|count| {
            counted += count;
            counted >= wanted
        });
        reached.map_or(0, |depth| depth as u32)
    }

    /// Returns the number of rollbacks per 100 ticks.
    pub fn rollbacks_per_100(&self) -> f64 {
        100.0 * ratio(self.rollbacks, self.ticks)
    }
}

/// Returns a ratio, which is 0 if `of` is 0.
pub(super) fn ratio(n: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { n as f64 / of as f64 }
}

impl<'a> Sum<&'a Tally> for Tally {
    fn sum<I: Iterator<Item = &'a Tally>>(tallies: I) -> Self {
        let mut sum = Self::default();
        for tally in tallies {
            sum.ticks += tally.ticks;
            sum.stalls += tally.stalls;
            sum.rollbacks += tally.rollbacks;
            sum.desyncs += tally.desyncs;
            sum.sent = sum.sent + tally.sent;
            sum.lag_sum += tally.lag_sum;
            sum.lag_max = sum.lag_max.max(tally.lag_max);
            if sum.depths.len() < tally.depths.len() {
                sum.depths.resize(tally.depths.len(), 0);
            }
            for (sum, count) in sum.depths.iter_mut().zip(&tally.depths) {
                *sum += count;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_equals_the_counts_of_a_single_player() {
        let (mut a, mut b, mut both) = (Tally::default(), Tally::default(), Tally::default());
        for n in 0..100 {
            for tally in [if n % 3 == 0 { &mut a } else { &mut b }, &mut both] {
                tally.advanced(n % 7);
                tally.rolled_back(n / 10);
                tally.sent.packets += 1;
            }
        }
        assert_eq!([a, b].iter().sum::<Tally>(), both);
        assert_eq!((both.lag_max(), both.rollbacks_per_100()), (6, 100.0));
        assert!((both.lag_mean() - 2.95).abs() < 1e-9);
    }

    #[test]
    fn quantiles_count_rollbacks() {
        let mut tally = Tally::default();
        assert_eq!(tally.depth_quantile(0.99), 0);
        for n in 0..100 {
            tally.rolled_back(if n == 0 { 9 } else { 2 });
        }
        assert_eq!(tally.depth_quantile(0.99), 2);
        assert_eq!(tally.depth_quantile(0.991), 9);
        assert_eq!(tally.depth_quantile(0.0), 2);
    }
}
