use super::{Decoder, Encoder, PROBABILITY_BITS};

/// The probability of a bit, which adapts to the bits that have been coded.
///
/// It is the average of two estimates. The fast one follows changes, and the slow one is precise if
/// nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitModel {
    fast: u16,
    slow: u16,
}

/// A bit moves the fast estimate by 1/16 of its error.
const FAST_SHIFT: u32 = 4;
/// A bit moves the slow estimate by 1/128 of its error.
const SLOW_SHIFT: u32 = 7;

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

    /// Returns the probability of a 1. It is neither 0 nor 1, because both estimates stop short of
    /// the ends.
    #[inline]
    fn probability(self) -> u32 {
        (u32::from(self.fast) + u32::from(self.slow)) / 2
    }

    #[inline]
    fn adapt(&mut self, bit: bool) {
        if bit {
            self.fast += (u16::MAX - self.fast) >> FAST_SHIFT;
            self.slow += (u16::MAX - self.slow) >> SLOW_SHIFT;
        } else {
            self.fast -= self.fast >> FAST_SHIFT;
            self.slow -= self.slow >> SLOW_SHIFT;
        }
    }
}

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
            }
            let probability = model.probability();
            assert!((1..1 << PROBABILITY_BITS).contains(&probability));
            let unlikely = probability.min((1 << PROBABILITY_BITS) - probability);
            assert!(unlikely < 100, "{unlikely}");
        }
    }

    #[test]
    fn probability_follows_a_change_within_40_bits() {
        let mut model = BitModel::new();
        (0..1000).for_each(|_| model.adapt(false));
        (0..40).for_each(|_| model.adapt(true));
        assert!(model.probability() > 1 << (PROBABILITY_BITS - 1));
    }
}
