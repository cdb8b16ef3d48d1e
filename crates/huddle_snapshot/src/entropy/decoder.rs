use super::limits::{EVEN, MAX_OMITTED, MIN_RANGE, PROBABILITY_BITS};

/// Reads what an [`Encoder`](super::encoder::Encoder) appended, in the same order and with the same models.
///
/// All bytes can be decoded, although not to anything useful. Bytes after the end are zeros.
/// [`is_past_end`](Self::is_past_end) returns whether more of them were read than any encoder
/// omits, so a caller that checks it after every record stops soon after the end of the bytes.
#[derive(Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
    /// The number of bytes after the end that have been read.
    past_end: usize,
    /// The encoded fraction minus the lower end of the interval.
    offset: u32,
    range: u32,
    is_plain: bool,
}

impl<'a> Decoder<'a> {
    /// Creates a decoder of all the bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self {
            bytes,
            past_end: 0,
            offset: 0,
            range: u32::MAX,
            is_plain: false,
        };
        for _ in 0..size_of::<u32>() {
            decoder.shift();
        }
        decoder
    }

    /// Creates a decoder of what [`Encoder::plain`](super::encoder::Encoder::plain) encoded.
    pub fn plain(bytes: &'a [u8]) -> Self {
        Self {
            is_plain: true,
            ..Self::new(bytes)
        }
    }

    /// Decodes a bit. `probability` is that of a 1, times 2^16.
    #[inline]
    pub(super) fn bit(&mut self, probability: u32) -> bool {
        let probability = if self.is_plain { EVEN } else { probability };
        let ones = ((u64::from(self.range) * u64::from(probability)) >> PROBABILITY_BITS) as u32;
        let zeros = self.range - ones;
        let bit = self.offset >= zeros;
        if bit {
            self.offset -= zeros;
            self.range = ones;
        } else {
            self.range = zeros;
        }
        self.normalize();
        bit
    }

    /// Decodes a number of `n` bits, all values of which are equally likely. `n` is at most 32.
    pub fn raw(&mut self, n: u32) -> u32 {
        let mut left = n.min(u32::BITS);
        let mut value = 0;
        while left > 0 {
            let now = left.min(16);
            left -= now;
            self.range >>= now;
            // No encoder makes a larger offset.
            let bits = (self.offset / self.range).min((1 << now) - 1);
            self.offset = (self.offset - bits * self.range).min(self.range - 1);
            value = value << now | bits;
            self.normalize();
        }
        value
    }

    #[inline]
    fn normalize(&mut self) {
        while self.range < MIN_RANGE {
            self.range <<= 8;
            self.shift();
        }
    }

    #[inline]
    fn shift(&mut self) {
        let byte = match self.bytes {
            [first, rest @ ..] => {
                self.bytes = rest;
                *first
            }
            [] => {
                self.past_end += 1;
                0
            }
        };
        self.offset = self.offset << 8 | u32::from(byte);
    }

    /// Returns `true` if more was read than the bytes contain. What was decoded last is then
    /// meaningless.
    pub fn is_past_end(&self) -> bool {
        self.past_end > MAX_OMITTED
    }

    /// Returns the number of bytes that have not been read.
    ///
    /// After everything an encoder encoded, it is 0.
    pub fn unread(&self) -> usize {
        self.bytes.len()
    }
}
