use crate::entropy::{BitModel, Decoder, Encoder, NumberContext, NumberModel};

/// Codes values in one direction, so that one function describes a format for both.
///
/// The encoder encodes the given value and returns it. The decoder ignores the given value and
/// returns the decoded one.
pub(super) trait Coder {
    /// Codes a bit.
    fn bit(&mut self, model: &mut BitModel, bit: bool) -> bool;

    /// Codes a number, see [`NumberModel`].
    fn number(&mut self, model: &mut NumberModel, context: NumberContext, number: i32) -> i32;
}

impl Coder for Encoder<'_> {
    #[inline]
    fn bit(&mut self, model: &mut BitModel, bit: bool) -> bool {
        model.encode(self, bit);
        bit
    }

    #[inline]
    fn number(&mut self, model: &mut NumberModel, context: NumberContext, number: i32) -> i32 {
        model.encode(self, context, number);
        number
    }
}

impl Coder for Decoder<'_> {
    #[inline]
    fn bit(&mut self, model: &mut BitModel, _: bool) -> bool {
        model.decode(self)
    }

    #[inline]
    fn number(&mut self, model: &mut NumberModel, context: NumberContext, _: i32) -> i32 {
        model.decode(self, context)
    }
}
