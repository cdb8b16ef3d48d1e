use super::{BitModel, Decoder, Encoder};

/// The largest context of a [`NumberModel`]. Larger ones count as this.
pub const MAX_NUMBER_CONTEXT: usize = 23;

/// The probabilities of a signed number that is usually close to 0.
///
/// A number consists of its *class*, which is the number of bits of its absolute value, its sign,
/// and the bits below the highest. The class is coded as one bit for each class below it. The
/// model adapts the probabilities of the class, the sign and the two bits below the highest. All
/// other bits are equally likely to be 0 and 1.
///
/// The caller chooses a context for each number from what both sides know. Numbers of different
/// contexts have classes with different probabilities. A good context is how large the number is
/// expected to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NumberModel {
    class: [[BitModel; CLASSES]; MAX_NUMBER_CONTEXT + 1],
    sign: BitModel,
    below_highest: [[BitModel; 3]; CLASSES],
}

/// Classes above share the probabilities of the last.
const CLASSES: usize = 14;

impl NumberModel {
    /// Encodes a number.
    pub fn encode(&mut self, encoder: &mut Encoder<'_>, context: usize, number: i32) {
        let absolute = number.unsigned_abs();
        let class = u32::BITS - absolute.leading_zeros();
        let models = &mut self.class[context.min(MAX_NUMBER_CONTEXT)];
        for step in 0..class {
            models[model_of(step)].encode(encoder, true);
        }
        if class < u32::BITS {
            models[model_of(class)].encode(encoder, false);
        }
        if class == 0 {
            return;
        }
        self.sign.encode(encoder, number < 0);
        let below = &mut self.below_highest[model_of(class)];
        let mut left = class - 1;
        let mut seen = 0;
        while left > 0 && seen < 3 {
            left -= 1;
            let bit = absolute >> left & 1 == 1;
            below[seen].encode(encoder, bit);
            seen = 2 * seen + 1 + usize::from(bit);
        }
        encoder.raw(absolute, left);
    }

    /// Decodes a number.
    pub fn decode(&mut self, decoder: &mut Decoder<'_>, context: usize) -> i32 {
        let models = &mut self.class[context.min(MAX_NUMBER_CONTEXT)];
        let mut class = 0;
        while class < u32::BITS && models[model_of(class)].decode(decoder) {
            class += 1;
        }
        if class == 0 {
            return 0;
        }
        let is_negative = self.sign.decode(decoder);
        let below = &mut self.below_highest[model_of(class)];
        let mut left = class - 1;
        let mut seen = 0;
        let mut absolute = 1_u32;
        while left > 0 && seen < 3 {
            left -= 1;
            let bit = below[seen].decode(decoder);
            absolute = absolute << 1 | u32::from(bit);
            seen = 2 * seen + 1 + usize::from(bit);
        }
        absolute = absolute.unbounded_shl(left) | decoder.raw(left);
        // The encoder never makes a positive number above `i32::MAX`.
        let number = absolute.cast_signed();
        match is_negative {
            true => number.wrapping_neg(),
            false => number,
        }
    }
}

#[inline]
fn model_of(class: u32) -> usize {
    (class as usize).min(CLASSES - 1)
}
