//! Probabilities of bits that learn from what they see, with integers alone, so alike everywhere.

use super::range_coder::BitCoder;

/// How likely one bit is, to 16 bits. It moves by `1 / n` at its `n`th bit, and by 1/64 in the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag {
    p: u16,
    seen: u16,
}

impl Flag {
    const SLOWEST: u16 = 64;

    /// A bit that is true `p` times in 65536, as sure as if that had been seen over `seen` bits.
    pub(super) const fn new(p: u16, seen: u16) -> Self {
        Self { p, seen }
    }

    pub(super) fn code(&mut self, coder: &mut impl BitCoder, bit: bool) -> bool {
        let bit = coder.bit(self.p, bit);
        let rate = FLAG_RATES[usize::from(self.seen.min(Self::SLOWEST))];
        let part = |of: u16| ((u32::from(of) * rate) >> 16) as u16;
        match bit {
            true => self.p += part(u16::MAX - self.p),
            false => self.p -= part(self.p),
        }
        self.seen = (self.seen + 1).min(Self::SLOWEST);
        bit
    }
}

/// By how much of 65536 a flag moves that has seen so many bits: `1 / (seen + 1.5)`.
const FLAG_RATES: [u32; Flag::SLOWEST as usize + 1] = {
    let mut rates = [0; Flag::SLOWEST as usize + 1];
    let mut seen = 0;
    while seen < rates.len() {
        rates[seen] = (1 << 17) / (2 * seen as u32 + 3);
        seen += 1;
    }
    rates
};

/// How likely each byte is, bit by bit from the highest: every bit has its own probability after
/// each of the bits before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByteTree([Node; 256]);

/// A probability of 12 bits, and below it how often it was used, 4 bits.
#[derive(Debug, Clone, Copy)]
struct Node(u16);

/// By how much of 65536 a node moves when it has been used so often.
const RATES: [u16; 16] = {
    let divisors = [2, 3, 4, 5, 6, 8, 10, 12, 14, 17, 20, 24, 28, 33, 40, 48];
    let mut rates = [0; 16];
    let mut i = 0;
    while i < 16 {
        rates[i] = (65536 / divisors[i]) as u16;
        i += 1;
    }
    rates
};

impl Node {
    const NEW: Self = Self(1 << 15);

    /// To 16 bits, and never 0.
    fn p(self) -> u16 {
        self.0 | 15
    }

    fn learn(&mut self, bit: bool) {
        let (p, seen) = (self.0 >> 4, self.0 & 15);
        let rate = u32::from(RATES[usize::from(seen)]);
        let part = |of: u16| ((u32::from(of) * rate) >> 16) as u16;
        let p = match bit {
            true => p + part(4095 - p),
            false => p - part(p),
        };
        self.0 = p << 4 | (seen + 1).min(15);
    }
}

impl ByteTree {
    pub(super) const NEW: Self = Self([Node::NEW; 256]);

    /// Codes a byte, without learning from it.
    pub(super) fn code(&self, coder: &mut impl BitCoder, byte: u8) -> u8 {
        let mut prefix = 1;
        for i in (0..8).rev() {
            let bit = coder.bit(self.0[prefix].p(), byte >> i & 1 == 1);
            prefix = prefix << 1 | usize::from(bit);
        }
        prefix as u8
    }

    /// Learns a byte; returns how many sixteenths of a bit it took before that.
    pub(super) fn learn(&mut self, byte: u8) -> u16 {
        let mut prefix = 1;
        let mut cost = 0;
        for i in (0..8).rev() {
            let bit = byte >> i & 1 == 1;
            let node = &mut self.0[prefix];
            let p = node.0 >> 8;
            cost += COSTS[usize::from(if bit { p } else { 255 - p })];
            node.learn(bit);
            prefix = prefix << 1 | usize::from(bit);
        }
        cost
    }
}

/// Sixteenths of a bit that something takes whose probability is (i + 1/2) / 256.
const COSTS: [u16; 256] = {
    let mut costs = [0; 256];
    let mut i = 0;
    while i < 256 {
        costs[i] = cost_of(2 * i as u64 + 1);
        i += 1;
    }
    costs
};

/// `16 * (9 - log2(p))`, to the next: the logarithm of `p^14`, which fits, is 14 times that of `p`.
const fn cost_of(p: u64) -> u16 {
    let log14 = (p as u128).pow(14).ilog2();
    (16 * 9 - (16 * log14 + 7) / 14) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::range_coder::{Decoder, Dry, Encoder};

    /// Records the probabilities it is given.
    struct Probe(Vec<u16>);

    impl BitCoder for Probe {
        fn bit(&mut self, p: u16, bit: bool) -> bool {
            self.0.push(p);
            bit
        }
    }

    #[test]
    fn what_never_changes_becomes_all_but_certain() {
        for bit in [true, false] {
            let mut flag = Flag::new(1 << 15, 0);
            let mut probe = Probe(Vec::new());
            for _ in 0..1000 {
                flag.code(&mut probe, bit);
            }
            assert!(probe.0.iter().all(|&p| p > 0));
            let last = probe.0[999];
            let of_other = if bit { u16::MAX - last } else { last };
            assert!(of_other < 100, "{of_other}");
        }
    }

    #[test]
    fn a_probability_follows_what_is_seen() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut flag = Flag::new(1 << 15, 0);
        let mut probe = Probe(Vec::new());
        for _ in 0..4000 {
            flag.code(&mut probe, rng.f64() < 0.2);
        }
        let late = &probe.0[1000..];
        let mean = late.iter().map(|&p| f64::from(p)).sum::<f64>() / late.len() as f64;
        assert!((mean / 65536.0 - 0.2).abs() < 0.02, "{mean}");
    }

    #[test]
    fn a_byte_that_is_usual_costs_little_and_any_other_comes_back() {
        let mut tree = ByteTree::NEW;
        assert!((8 * 16..=8 * 17).contains(&tree.learn(200)));
        for _ in 0..100 {
            tree.learn(7);
        }
        let mut usual = tree;
        assert!(usual.learn(7) < 16);
        for byte in 0..=255 {
            let mut out = Vec::new();
            let mut encoder = Encoder::new(&mut out, 10);
            assert_eq!(tree.code(&mut encoder, byte), byte);
            encoder.finish();
            assert_eq!(tree.code(&mut Decoder::new(&out), 0), byte);
            let mut probe = Probe(Vec::new());
            tree.code(&mut probe, byte);
            let bits: f64 = (0..8)
                .zip(&probe.0)
                .map(|(i, &p)| {
                    let p = f64::from(p) / 65536.0;
                    -if byte >> (7 - i) & 1 == 1 { p } else { 1.0 - p }.log2()
                })
                .sum();
            let cost = f64::from(tree.clone().learn(byte)) / 16.0;
            assert!((cost - bits).abs() < 2.0, "{byte} {cost} {bits}");
            assert_eq!(tree.code(&mut Dry, byte), byte);
        }
    }
}
