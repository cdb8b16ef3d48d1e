//! Bits as a fraction of an interval: a bit takes as much room as it is unlikely.
//!
//! A carryless binary coder on 32 bits, as in Matt Mahoney's fpaq0 and lpaq
//! (<http://mattmahoney.net/dc/dce.html#Section_32>). What is likelier takes the lower part of the
//! interval, and the reader takes bytes that are missing for zeros: a run of what was likely has no
//! bytes at all.

/// What codes bits or only follows them.
pub(super) trait BitCoder {
    /// Codes a bit that is true with the probability `p` / 65536, and `p` is not 0. What a reader
    /// finds is returned; it does not look at `bit`.
    fn bit(&mut self, p: u16, bit: bool) -> bool;
}

/// Goes through the motions, for models that are trained on what is known.
pub(super) struct Dry;

impl BitCoder for Dry {
    fn bit(&mut self, _: u16, bit: bool) -> bool {
        bit
    }
}

/// What is likelier, and its probability.
fn likelier(p: u16) -> (bool, u16) {
    match p >= 1 << 15 {
        true => (true, p),
        false => (false, p.wrapping_neg()),
    }
}

/// The values that are still possible, both ends included.
#[derive(Debug, Clone, Copy)]
struct Interval {
    low: u32,
    high: u32,
}

impl Interval {
    const ALL: Self = Self {
        low: 0,
        high: u32::MAX,
    };

    /// The last value of the lower part, if what is told there has the probability `p`.
    fn middle(self, p: u16) -> u32 {
        let width = u64::from(self.high - self.low);
        // Below `high`, so both parts have at least one value.
        self.low + ((width * u64::from(p)) >> 16) as u32
    }

    fn narrow(&mut self, middle: u32, lower: bool) {
        match lower {
            true => self.high = middle,
            false => self.low = middle + 1,
        }
    }

    /// Takes out the first byte if it is the same in all values.
    fn shift(&mut self) -> Option<u8> {
        let first = (self.low >> 24) as u8;
        (first == (self.high >> 24) as u8).then(|| {
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
            first
        })
    }

    /// The value that needs the fewest bytes, and how many.
    fn shortest(self) -> (u32, usize) {
        (0..4)
            .map(|len| (self.high & !(u32::MAX >> (8 * len)), len as usize))
            .find(|&(value, _)| value >= self.low)
            .unwrap_or((self.high, 4))
    }
}

/// Appends bits to a buffer.
pub(super) struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    end: usize,
    interval: Interval,
}

/// What an [`Encoder`] can go back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    len: usize,
    interval: Interval,
}

impl<'a> Encoder<'a> {
    /// Appends at most `room` bytes if it is gone back from where that does not suffice.
    pub(super) fn new(out: &'a mut Vec<u8>, room: usize) -> Self {
        Self {
            start: out.len(),
            end: out.len().saturating_add(room),
            out,
            interval: Interval::ALL,
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            len: self.out.len(),
            interval: self.interval,
        }
    }

    pub(super) fn go_back(&mut self, mark: Mark) {
        self.out.truncate(mark.len);
        self.interval = mark.interval;
    }

    /// Whether all bits until now fit.
    pub(super) fn fits(&self) -> bool {
        self.out.len() + self.interval.shortest().1 <= self.end
    }

    /// Writes what is left, with as few bytes as tell all bits.
    pub(super) fn finish(self) {
        let (value, len) = self.interval.shortest();
        self.out.extend_from_slice(&value.to_be_bytes()[..len]);
        while self.out.len() > self.start && self.out.last() == Some(&0) {
            self.out.pop();
        }
    }
}

impl BitCoder for Encoder<'_> {
    fn bit(&mut self, p: u16, bit: bool) -> bool {
        let (likelier, p) = likelier(p);
        self.interval
            .narrow(self.interval.middle(p), bit == likelier);
        while let Some(byte) = self.interval.shift() {
            // One too many says that it does not fit; no more are needed for that.
            if self.out.len() <= self.end {
                self.out.push(byte);
            }
        }
        bit
    }
}

/// Reads bits back. After the end there are as many as are asked for.
pub(super) struct Decoder<'a> {
    bytes: &'a [u8],
    value: u32,
    interval: Interval,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self {
            bytes,
            value: 0,
            interval: Interval::ALL,
        };
        for _ in 0..4 {
            decoder.shift();
        }
        decoder
    }

    fn shift(&mut self) {
        let (next, rest) = self.bytes.split_first().unwrap_or((&0, &[]));
        self.bytes = rest;
        self.value = self.value << 8 | u32::from(*next);
    }
}

impl BitCoder for Decoder<'_> {
    fn bit(&mut self, p: u16, _: bool) -> bool {
        let (likelier, p) = likelier(p);
        let middle = self.interval.middle(p);
        let lower = self.value <= middle;
        self.interval.narrow(middle, lower);
        while self.interval.shift().is_some() {
            self.shift();
        }
        lower == likelier
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(bits: &[(u16, bool)], room: usize) -> Option<Vec<u8>> {
        let mut out = b"before".to_vec();
        let mut encoder = Encoder::new(&mut out, room);
        for &(p, bit) in bits {
            assert_eq!(encoder.bit(p, bit), bit);
        }
        if !encoder.fits() {
            return None;
        }
        encoder.finish();
        Some(out.split_off(6))
    }

    /// What the bits are worth.
    fn information(bits: &[(u16, bool)]) -> f64 {
        bits.iter()
            .map(|&(p, bit)| {
                let p = f64::from(p) / 65536.0;
                -if bit { p } else { 1.0 - p }.log2()
            })
            .sum()
    }

    fn bits() -> impl Strategy<Value = Vec<(u16, bool)>> {
        let p = prop_oneof![1u16.., 1u16..10, 65526u16..];
        prop::collection::vec((p, any::<bool>()), 0..400)
    }

    proptest! {
        #[test]
        fn bits_come_back(bits in bits()) {
            let bytes = encode(&bits, usize::MAX).unwrap();
            let mut decoder = Decoder::new(&bytes);
            for &(p, bit) in &bits {
                prop_assert_eq!(decoder.bit(p, !bit), bit);
            }
            // A narrow interval across a boundary costs a little.
            prop_assert!(bytes.len() as f64 <= information(&bits) / 8.0 * 1.01 + 4.0);
            prop_assert!(bytes.last() != Some(&0));
        }

        #[test]
        fn room_is_kept_to_and_going_back_leaves_no_trace(bits in bits(), more in bits(), room in 0usize..50) {
            let whole = encode(&bits, usize::MAX).unwrap();
            if let Some(bytes) = encode(&bits, room) {
                prop_assert!(bytes.len() <= room);
                prop_assert_eq!(&bytes, &whole);
            } else {
                prop_assert!(whole.len() + 4 > room);
            }
            let mut out = Vec::new();
            let mut encoder = Encoder::new(&mut out, whole.len() + 10);
            for &(p, bit) in &bits {
                encoder.bit(p, bit);
            }
            let mark = encoder.mark();
            for &(p, bit) in &more {
                encoder.bit(p, bit);
            }
            encoder.go_back(mark);
            encoder.finish();
            prop_assert_eq!(out, whole);
        }

        #[test]
        fn any_bytes_are_bits(bytes in prop::collection::vec(any::<u8>(), 0..40), bits in bits()) {
            let mut decoder = Decoder::new(&bytes);
            let found: Vec<_> = bits.iter().map(|&(p, _)| (p, decoder.bit(p, false))).collect();
            let again = encode(&found, usize::MAX).unwrap();
            let mut decoder = Decoder::new(&again);
            for (p, bit) in found {
                prop_assert_eq!(decoder.bit(p, false), bit);
            }
        }
    }

    #[test]
    fn a_run_of_what_is_likely_takes_no_bytes() {
        let run = [(65000, true), (500, false)].repeat(500);
        assert!(encode(&run, 1000).unwrap().is_empty());
        assert!(encode(&[], 0).unwrap().is_empty());
    }

    #[test]
    fn random_bits_take_their_room() {
        let mut rng = fastrand::Rng::with_seed(1);
        let bits: Vec<_> = (0..80_000).map(|_| (1 << 15, rng.bool())).collect();
        let len = encode(&bits, usize::MAX).unwrap().len();
        assert!((10_000..10_010).contains(&len), "{len}");
        let bits: Vec<_> = (0..80_000).map(|_| (6554, rng.f64() < 0.1)).collect();
        let len = encode(&bits, usize::MAX).unwrap().len() as f64;
        assert!((len / (information(&bits) / 8.0) - 1.0).abs() < 1e-3);
    }

    #[test]
    fn the_bytes_are_pinned() {
        let bits = [
            (60000, true),
            (60000, false),
            (300, false),
            (300, true),
            (1 << 15, false),
        ];
        assert_eq!(encode(&bits, 10).unwrap(), [234, 72]);
    }
}
