use super::{
    bit::BitModel,
    decoder::Decoder,
    encoder::Encoder,
    logistic::{SCALE, squash},
};

/// Predicts a bit from several [`BitModel`]s, and learns which of them predict best.
///
/// The prediction is the weighted sum of the models' log-odds. This is *logistic mixing*, as in
/// compressors of the PAQ family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mixer<const N: usize>([i32; N]);

/// The weight 1.
const ONE: i32 = 1 << 16;
/// The weights at the start. Their sum is above 1, because models that agree are more certain
/// together.
const START: i32 = ONE / 5 * 2;
/// Together with the largest log-odds, no sum overflows.
const MAX: i32 = 4 * ONE;
/// The learning rate is 1/256.
const RATE_SHIFT: u32 = SCALE.ilog2() + 8;

impl<const N: usize> Mixer<N> {
    pub(super) const fn new() -> Self {
        Self([START; N])
    }

    #[inline]
    pub(super) fn encode(
        &mut self,
        models: [&mut BitModel; N],
        encoder: &mut Encoder<'_>,
        bit: bool,
    ) {
        let odds = models.each_ref().map(|model| model.log_odds());
        let probability = self.probability(odds);
        encoder.bit(probability, bit);
        self.adapt(odds, probability, bit);
        models.into_iter().for_each(|model| model.adapt(bit));
    }

    #[inline]
    pub(super) fn decode(&mut self, models: [&mut BitModel; N], decoder: &mut Decoder<'_>) -> bool {
        let odds = models.each_ref().map(|model| model.log_odds());
        let probability = self.probability(odds);
        let bit = decoder.bit(probability);
        self.adapt(odds, probability, bit);
        models.into_iter().for_each(|model| model.adapt(bit));
        bit
    }

    #[inline]
    fn probability(&self, odds: [i32; N]) -> u32 {
        let products = self.0.iter().zip(odds).map(|(weight, odds)| weight * odds);
        squash(products.sum::<i32>() / ONE)
    }

    /// Increases the weights of the models that were right.
    #[inline]
    fn adapt(&mut self, odds: [i32; N], probability: u32, bit: bool) {
        let error = (i32::from(bit) << 16) - probability.cast_signed();
        for (weight, odds) in self.0.iter_mut().zip(odds) {
            let change = (error * odds) >> RATE_SHIFT;
            *weight = (*weight + change).clamp(-MAX, MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes bits of which only the first model's context says anything. Returns the length.
    fn encode_with_noise(bits: usize) -> usize {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out);
        let mut mixer = Mixer::new();
        let mut good = [BitModel::new(); 2];
        let mut useless = BitModel::new();
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..bits {
            let context = rng.usize(..2);
            let bit = rng.u8(..20) == 0;
            let bit = bit != (context == 1);
            mixer.encode([&mut good[context], &mut useless], &mut encoder, bit);
        }
        encoder.finish();
        out.len()
    }

    #[test]
    fn mixer_ignores_a_model_that_knows_nothing() {
        // The entropy is 0.29 bits per bit.
        let len = encode_with_noise(80_000);
        assert!((2800..3200).contains(&len), "{len}");
    }
}
