/// The number of bits of a probability.
pub(super) const PROBABILITY_BITS: u32 = 16;

/// The probability of a bit that is as likely to be 0 as 1.
pub(super) const EVEN: u32 = 1 << (PROBABILITY_BITS - 1);

/// The encoder and the decoder move to the next byte when the range is below this.
pub(super) const MIN_RANGE: u32 = 1 << 24;

/// The number of zero bytes that the encoder omits at the end, at most.
pub(super) const MAX_OMITTED: usize = 16;
