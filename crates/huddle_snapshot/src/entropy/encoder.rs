use super::limits::{EVEN, MAX_OMITTED, MIN_RANGE, PROBABILITY_BITS};

/// Appends bits of known probability to bytes.
///
/// This is a range coder. The bytes are the digits of a fraction, and every bit narrows the interval
/// from `low` to `low + range` in which that fraction will be. A byte is appended as soon as nothing
/// can change it, so appended bytes are final. A byte that a carry can still change is held back,
/// with all bytes 0xff after it.
///
/// [`finish`](Self::finish) appends the last bytes. Without it, the bytes cannot be decoded.
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    is_plain: bool,
    interval: Interval,
}

/// The state of an encoder at one time, see [`Encoder::checkpoint`].
#[derive(Debug, Clone, Copy)]
pub struct Checkpoint {
    len: usize,
    interval: Interval,
}

#[derive(Debug, Clone, Copy)]
struct Interval {
    /// The digits of the lower end that are not in `held`. Bit 32 is a carry into the held bytes.
    low: u64,
    range: u32,
    /// The first held byte.
    held: u8,
    /// The number of held bytes. All but the first are 0xff.
    held_count: usize,
}

impl<'a> Encoder<'a> {
    /// Creates an encoder that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        let interval = Interval {
            low: 0,
            range: u32::MAX,
            held: 0,
            held_count: 0,
        };
        Self {
            out,
            start,
            is_plain: false,
            interval,
        }
    }

    /// Creates an encoder that takes one bit for each bit, whatever its probability is. The length of
    /// the bytes is therefore bounded.
    pub fn plain(out: &'a mut Vec<u8>) -> Self {
        Self {
            is_plain: true,
            ..Self::new(out)
        }
    }

    /// Encodes a bit. `probability` is that of a 1, times 2^16.
    #[inline]
    pub(super) fn bit(&mut self, probability: u32, bit: bool) {
        let probability = if self.is_plain { EVEN } else { probability };
        let Interval { low, range, .. } = &mut self.interval;
        let ones = ((u64::from(*range) * u64::from(probability)) >> PROBABILITY_BITS) as u32;
        // A 0 has the lower part, so that zeros alone take no bytes.
        let zeros = *range - ones;
        // No branch, because nobody can predict it.
        let mask = u32::from(bit).wrapping_neg();
        *low += u64::from(zeros & mask);
        *range = zeros ^ (mask & (zeros ^ ones));
        self.normalize();
    }

    /// Encodes the lowest `n` bits of a number, all values of which are equally likely. `n` is at
    /// most 32.
    pub fn raw(&mut self, value: u32, n: u32) {
        let mut left = n.min(u32::BITS);
        while left > 0 {
            let now = left.min(16);
            left -= now;
            let bits = value.unbounded_shr(left) & ((1 << now) - 1);
            let Interval { low, range, .. } = &mut self.interval;
            *range >>= now;
            *low += u64::from(*range) * u64::from(bits);
            self.normalize();
        }
    }

    #[inline]
    fn normalize(&mut self) {
        while self.interval.range < MIN_RANGE {
            self.interval.range <<= 8;
            self.shift();
        }
    }

    /// Moves the highest byte of `low` to the held bytes.
    fn shift(&mut self) {
        let Interval {
            low,
            held,
            held_count,
            ..
        } = &mut self.interval;
        let carry = (*low >> 32) as u8;
        if *held_count == 0 || carry == 1 || *low < 0xff00_0000 {
            if *held_count > 0 {
                self.out.push(held.wrapping_add(carry));
                for _ in 1..*held_count {
                    self.out.push(0xff_u8.wrapping_add(carry));
                }
            }
            *held = (*low >> 24) as u8;
            *held_count = 0;
        }
        *held_count += 1;
        *low = (*low & 0x00ff_ffff) << 8;
    }

    /// Returns an upper bound of the number of bytes that this encoder will have appended if it
    /// finishes now. The bound is exact unless the bytes end with zeros.
    // An encoder is never empty in a useful sense.
    #[expect(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        let (_, digits) = self.interval.shortest();
        self.out.len() - self.start + self.interval.held_count + digits
    }

    /// Returns the present state, to which [`restore`](Self::restore) returns.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            len: self.out.len(),
            interval: self.interval,
        }
    }

    /// Removes everything encoded since a checkpoint of this encoder.
    pub fn restore(&mut self, checkpoint: Checkpoint) {
        self.out.truncate(checkpoint.len);
        self.interval = checkpoint.interval;
    }

    /// Appends as few bytes as possible, after which everything encoded can be decoded.
    pub fn finish(mut self) {
        (self.interval.low, _) = self.interval.shortest();
        for _ in 0..=size_of::<u32>() {
            self.shift();
        }
        // The last shift held back a zero that belongs to no digit.
        for _ in 0..MAX_OMITTED {
            if self.out.len() > self.start && self.out.last() == Some(&0) {
                self.out.pop();
            }
        }
    }
}

impl Interval {
    /// Returns the number in the interval with the fewest digits, and how many digits of `low` it
    /// has.
    fn shortest(&self) -> (u64, usize) {
        let last = self.low + u64::from(self.range - 1);
        let digits = (0..4).find_map(|digits| {
            let zeros = u64::from(u32::MAX) >> (8 * digits);
            let shortest = last & !zeros;
            (shortest >= self.low).then_some((shortest, digits))
        });
        digits.unwrap_or((self.low, 4))
    }
}
