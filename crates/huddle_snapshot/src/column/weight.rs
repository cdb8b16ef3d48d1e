/// What share of a change continues. It adapts after every prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight(i16);

const ONE: i16 = 1 << 10;
const MIN: i16 = -ONE / 4;
const MAX: i16 = 3 * ONE;
/// How far one prediction moves a weight.
const STEP: i16 = 12;

/// Changes of different magnitudes have different weights, because small ones are mostly noise.
pub(super) type Weights = [Weight; 12];

impl Weight {
    /// Most of a change over many ticks continues.
    pub(super) const LONG: Self = Self(ONE / 16 * 15);
    /// Changes over few ticks are less precise.
    pub(super) const RECENT: Self = Self(ONE / 16 * 9);

    /// Returns the index of the weight for a change.
    pub(super) fn index(change: u64) -> usize {
        let class = u64::BITS - change.leading_zeros();
        (class as usize).min(11)
    }

    /// Returns the share of a change that continues.
    pub(super) fn of(self, change: i64) -> i64 {
        (change * i64::from(self.0) + i64::from(ONE / 2)) / i64::from(ONE)
    }

    /// Adapts to a prediction. `error` is positive if a higher weight would have been better.
    pub(super) fn adapt(&mut self, error: i64) {
        self.0 = (self.0 + STEP * error.signum() as i16).clamp(MIN, MAX);
    }
}
