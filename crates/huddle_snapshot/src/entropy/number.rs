use super::{bit::BitModel, decoder::Decoder, encoder::Encoder, mixer::Mixer};

/// The contexts of a number: what both sides know about it before it is coded.
///
/// Numbers of different contexts have different probabilities. A good context is how large the
/// number is expected to be. If several things say that, each can be a context of its own: the
/// [`NumberModel`] learns which of them to rely on.
///
/// Contexts above the highest count as the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NumberContext {
    /// At most [`MAX_FIRST`](Self::MAX_FIRST).
    pub first: usize,
    /// At most [`MAX_SECOND`](Self::MAX_SECOND).
    pub second: usize,
    /// At most [`MAX_THIRD`](Self::MAX_THIRD).
    pub third: usize,
}

impl NumberContext {
    /// The highest first context.
    pub const MAX_FIRST: usize = 11;
    /// The highest second context.
    pub const MAX_SECOND: usize = 35;
    /// The highest third context.
    pub const MAX_THIRD: usize = 23;
}

/// The probabilities of a signed number that is usually close to 0.
///
/// A number consists of its *class*, which is the number of bits of its absolute value, its sign,
/// and the bits below the highest. The class is coded as one bit for each class below it. The
/// model adapts the probabilities of the class, the sign and the two bits below the highest. All
/// other bits are equally likely to be 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberModel {
    first: [Classes; NumberContext::MAX_FIRST + 1],
    second: [Classes; NumberContext::MAX_SECOND + 1],
    third: [Classes; NumberContext::MAX_THIRD + 1],
    mixers: [Mixer<3>; CLASSES],
    sign: BitModel,
    below_highest: [[BitModel; 3]; CLASSES],
}

/// Whether a number is above each class.
type Classes = [BitModel; CLASSES];

/// Classes above share the probabilities of the last.
const CLASSES: usize = 12;

impl NumberModel {
    /// Creates a model.
    pub const fn new() -> Self {
        Self {
            first: [[BitModel::new(); _]; _],
            second: [[BitModel::new(); _]; _],
            third: [[BitModel::new(); _]; _],
            mixers: [Mixer::new(); _],
            sign: BitModel::new(),
            below_highest: [[BitModel::new(); _]; _],
        }
    }

    /// Encodes a number.
    pub fn encode(&mut self, encoder: &mut Encoder<'_>, context: NumberContext, number: i32) {
        let absolute = number.unsigned_abs();
        let class = u32::BITS - absolute.leading_zeros();
        for step in 0..class {
            let (mixer, models) = self.class_bit(context, step);
            mixer.encode(models, encoder, true);
        }
        if class < u32::BITS {
            let (mixer, models) = self.class_bit(context, class);
            mixer.encode(models, encoder, false);
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
    pub fn decode(&mut self, decoder: &mut Decoder<'_>, context: NumberContext) -> i32 {
        let mut class = 0;
        while class < u32::BITS {
            let (mixer, models) = self.class_bit(context, class);
            if !mixer.decode(models, decoder) {
                break;
            }
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

    /// Returns the models of whether a number is above a class.
    #[inline]
    fn class_bit(
        &mut self,
        context: NumberContext,
        class: u32,
    ) -> (&mut Mixer<3>, [&mut BitModel; 3]) {
        let class = model_of(class);
        let models = [
            &mut self.first[context.first.min(NumberContext::MAX_FIRST)][class],
            &mut self.second[context.second.min(NumberContext::MAX_SECOND)][class],
            &mut self.third[context.third.min(NumberContext::MAX_THIRD)][class],
        ];
        (&mut self.mixers[class], models)
    }
}

impl Default for NumberModel {
    fn default() -> Self {
        Self::new()
    }
}

#[inline]
fn model_of(class: u32) -> usize {
    (class as usize).min(CLASSES - 1)
}
