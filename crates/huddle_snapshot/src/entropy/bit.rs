use super::{decoder::Decoder, encoder::Encoder, limits::PROBABILITY_BITS, logistic};

/// The probability of a bit, which adapts to the bits that have been coded.
///
/// It is the average of two estimates. The fast one follows changes, and the slow one is precise if
/// nothing changes. Both adapt faster during the first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitModel {
    /// The fast estimate. The lowest bits are not part of it: they count the bits coded, up to
    /// [`MAX_COUNT`].
    fast: u16,
    slow: u16,
}

const MAX_COUNT: u16 = 15;

/// The first bits move an estimate by 1/4 of its error, and later ones by less.
const FIRST_SHIFT: u16 = 2;
/// The number of bits after which the estimates adapt half as fast.
const BITS_PER_SHIFT: u16 = 3;
/// In the end, a bit moves the fast estimate by 1/16 of its error.
const FAST_SHIFT: u16 = 4;
/// In the end, a bit moves the slow estimate by 1/128 of its error.
const SLOW_SHIFT: u16 = 7;

impl BitModel {
    /// Creates a model for which 0 and 1 are equally likely.
    pub const fn new() -> Self {
        Self {
            fast: 1 << (PROBABILITY_BITS - 1),
            slow: 1 << (PROBABILITY_BITS - 1),
        }
    }

    /// Encodes a bit.
    #[inline]
    pub fn encode(&mut self, encoder: &mut Encoder<'_>, bit: bool) {
        encoder.bit(self.probability(), bit);
        self.adapt(bit);
    }

    /// Decodes a bit.
    #[inline]
    pub fn decode(&mut self, decoder: &mut Decoder<'_>) -> bool {
        let bit = decoder.bit(self.probability());
        self.adapt(bit);
        bit
    }

    /// Returns the probability of a 1. It is neither 0 nor 1, because the slow estimate stops short
    /// of both.
    #[inline]
    fn probability(self) -> u32 {
        (u32::from(self.fast & !MAX_COUNT) + u32::from(self.slow)) / 2
    }

    /// Returns the log-odds of a 1.
    #[inline]
    pub(super) fn log_odds(self) -> i32 {
        logistic::log_odds(self.probability())
    }

    #[inline]
    pub(super) fn adapt(&mut self, bit: bool) {
        let count = self.fast & MAX_COUNT;
        let slow_shift = SLOW_SHIFTS[usize::from(count)];
        let fast_shift = slow_shift.min(FAST_SHIFT);
        // The error is the distance from 0, or from the maximum for a 1. There are no branches, because
        // nobody can predict them.
        let ones = u16::from(bit).wrapping_neg();
        let slow = self.slow ^ ones;
        let fast = (self.fast & !MAX_COUNT) ^ ones;
        self.slow = (slow - (slow >> slow_shift)) ^ ones;
        let fast = (fast - (fast >> fast_shift)) ^ ones;
        self.fast = (fast & !MAX_COUNT) | (count + 1).min(MAX_COUNT);
    }
}

/// How far the slow estimate moves after each number of bits.
const SLOW_SHIFTS: [u16; MAX_COUNT as usize + 1] = {
    let mut shifts = [0; _];
    let mut count = 0;
    while count < shifts.len() {
        let shift = FIRST_SHIFT + count as u16 / BITS_PER_SHIFT;
        shifts[count] = if shift < SLOW_SHIFT {
            shift
        } else {
            SLOW_SHIFT
        };
        count += 1;
    }
    shifts
};

impl Default for BitModel {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probability_never_reaches_0_or_1() {
        for bit in [false, true] {
            let mut model = BitModel::new();
            for _ in 0..10_000 {
                model.adapt(bit);
                assert!((1..1 << PROBABILITY_BITS).contains(&model.probability()));
            }
            let probability = model.probability();
            let unlikely = probability.min((1 << PROBABILITY_BITS) - probability);
            assert!(unlikely < 200, "{unlikely}");
        }
    }

    #[test]
    fn first_bits_change_the_probability_most() {
        let mut model = BitModel::new();
        (0..8).for_each(|_| model.adapt(true));
        assert!(model.probability() > (1 << PROBABILITY_BITS) / 10 * 8);
    }

    #[test]
    fn probability_follows_a_change_within_40_bits() {
        let mut model = BitModel::new();
        (0..1000).for_each(|_| model.adapt(false));
        (0..40).for_each(|_| model.adapt(true));
        assert!(model.probability() > 1 << (PROBABILITY_BITS - 1));
    }
}
