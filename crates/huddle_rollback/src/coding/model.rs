//! What is known of a seat's inputs so far, to guess the next: what is guessed well takes few bits.
//!
//! An input is compared with the two before it. First comes whether it is the same as the one
//! before, then whether it is as long, then byte by byte what it is, in this order:
//!
//! 1. *carried*: as before, but one more or less because the byte below has run over, as in a
//!    number of several bytes. Asked only where that would be so.
//! 2. *same* as before.
//! 3. *straight on*: as far from the one before as that was from the one before it.
//! 4. anything else, as bits that have changed, as a difference or as it is, whichever has lately
//!    been shortest.
//!
//! Every answer is a bit whose probability has been learned in like situations.

use super::{
    MAX_INPUT_LEN,
    probability::{ByteTree, Flag},
    range_coder::BitCoder,
};

/// How many bytes of an input have probabilities of their own. The bytes from there on share those
/// of the last [`SHARED`], taking turns.
const SLOTS: usize = 12;
const SHARED: usize = 4;

/// Probabilities learned from a seat's inputs in their order.
#[derive(Debug)]
pub(super) struct Model {
    /// Whether the last inputs were each the same as the one before, the latest in the lowest bit.
    unchanged: u8,
    unchanged_flags: [Flag; 16],
    same_len: Flag,
    len: ByteTree,
    /// As many as any input has needed.
    slots: Vec<Slot>,
}

/// A length that no input has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadLength(pub(super) usize);

/// What is known of the byte at one place.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// How the last two were told.
    recent: [How; 2],
    carried: Flag,
    same: [[Flag; 3]; 3],
    straight: [Flag; 3],
    changed_bits: ByteTree,
    difference: ByteTree,
    /// What changed bits and differences take, and how far off the last byte and going straight on
    /// are, on average.
    changed_bits_cost: u16,
    difference_cost: u16,
    from_last: u16,
    from_straight: u16,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Same,
    Straight,
    Else,
}

/// What 8 bits would cost on average if no way were shorter.
const AS_IT_IS_COST: u16 = 16 * 16 * 8;

/// Moves an average of values, which it has 16-fold, by a sixteenth.
fn average(of: &mut u16, value: u16) {
    *of = *of - (*of >> 4) + value;
}

fn distance(a: u8, b: u8) -> u16 {
    let difference = a.wrapping_sub(b);
    difference.min(difference.wrapping_neg()).into()
}

impl Slot {
    const NEW: Self = Self {
        recent: [How::Same; 2],
        carried: Flag::new(1 << 15, 0),
        same: [[Flag::new(1 << 15, 0); 3]; 3],
        straight: [Flag::new(1 << 14, 0); 3],
        changed_bits: ByteTree::NEW,
        difference: ByteTree::NEW,
        changed_bits_cost: 0,
        difference_cost: 0,
        from_last: 0,
        from_straight: 0,
    };

    /// Codes a byte after the ones in the two inputs before. `carry` is what it has more than
    /// before if the byte below has run over; `differs` says that it cannot be the same.
    fn code(
        &mut self,
        coder: &mut impl BitCoder,
        [last, earlier]: [u8; 2],
        carry: u8,
        differs: bool,
        byte: u8,
    ) -> u8 {
        let straight = last.wrapping_mul(2).wrapping_sub(earlier);
        let carried = last.wrapping_add(carry);
        let [r1, r2] = self.recent.map(|how| how as usize);
        let (how, byte) = if carry != 0 && self.carried.code(coder, byte == carried) {
            return carried;
        } else if !differs && self.same[r1][r2].code(coder, byte == last) {
            (How::Same, last)
        } else if straight != last && self.straight[r1].code(coder, byte == straight) {
            (How::Straight, straight)
        } else {
            (How::Else, self.code_else(coder, last, straight, byte))
        };
        average(&mut self.from_last, distance(byte, last));
        average(&mut self.from_straight, distance(byte, straight));
        self.recent = [how, self.recent[0]];
        byte
    }

    fn code_else(&mut self, coder: &mut impl BitCoder, last: u8, straight: u8, byte: u8) -> u8 {
        let from = match self.from_last <= self.from_straight {
            true => last,
            false => straight,
        };
        // Only the shortest way is on the wire; the others are followed, to know how short they are.
        let shortest = self.changed_bits_cost.min(self.difference_cost);
        let byte = if shortest > AS_IT_IS_COST {
            (0..8).rev().fold(0, |found, i| {
                found << 1 | u8::from(coder.bit(1 << 15, byte >> i & 1 == 1))
            })
        } else if self.changed_bits_cost == shortest {
            last ^ self.changed_bits.code(coder, last ^ byte)
        } else {
            from.wrapping_add(self.difference.code(coder, byte.wrapping_sub(from)))
        };
        let cost = self.changed_bits.learn(last ^ byte);
        average(&mut self.changed_bits_cost, cost);
        let cost = self.difference.learn(byte.wrapping_sub(from));
        average(&mut self.difference_cost, cost);
        byte
    }
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            unchanged: 0xff,
            unchanged_flags: [Flag::new(60_000, 4); 16],
            same_len: Flag::new(60_000, 2),
            len: ByteTree::NEW,
            slots: Vec::new(),
        }
    }

    /// Takes over what another has learned; allocates only if that has seen longer inputs.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.unchanged = other.unchanged;
        self.unchanged_flags = other.unchanged_flags;
        self.same_len = other.same_len;
        self.len = other.len;
        self.slots.clone_from(&other.slots);
    }

    /// Codes an input after the two before it, and learns from it. It comes out in `out`, for a
    /// reader does not look at `input`.
    ///
    /// # Errors
    /// If what is read has a length that no input has.
    pub(super) fn code(
        &mut self,
        coder: &mut impl BitCoder,
        [last, earlier]: [&[u8]; 2],
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), BadLength> {
        out.clear();
        let flag = &mut self.unchanged_flags[usize::from(self.unchanged & 15)];
        let unchanged = flag.code(coder, input == last);
        self.unchanged = self.unchanged << 1 | u8::from(unchanged);
        if unchanged {
            out.extend_from_slice(last);
            return Ok(());
        }
        let same_len = self.same_len.code(coder, input.len() == last.len());
        let len = match same_len {
            true => last.len(),
            false => self.code_len(coder, input.len()),
        };
        if len > MAX_INPUT_LEN {
            return Err(BadLength(len));
        }
        let byte = |of: &[u8], i| of.get(i).copied().unwrap_or(0);
        let mut all_same = same_len;
        let mut carry = 0;
        for i in 0..len {
            let slot = match i {
                ..SLOTS => i,
                _ => SLOTS - SHARED + (i - SLOTS) % SHARED,
            };
            if slot == self.slots.len() {
                self.slots.push(Slot::NEW);
            }
            let before = [byte(last, i), byte(earlier, i)];
            let differs = all_same && i + 1 == len;
            let now = self.slots[slot].code(coder, before, carry, differs, byte(input, i));
            all_same &= now == before[0];
            carry = run_over(before[0], now);
            out.push(now);
        }
        Ok(())
    }

    /// How many bits a length has, and then those below the highest.
    fn code_len(&mut self, coder: &mut impl BitCoder, len: usize) -> usize {
        let bits = (usize::BITS - len.leading_zeros()) as u8;
        let bits = self.len.code(coder, bits);
        self.len.learn(bits);
        let mut found = usize::from(bits > 0);
        for i in (0..bits.saturating_sub(1).min(15)).rev() {
            found = found << 1 | usize::from(coder.bit(1 << 15, len >> i & 1 == 1));
        }
        found
    }
}

/// What the byte above has more if this one went from `last` to `now` by the shorter way around.
fn run_over(last: u8, now: u8) -> u8 {
    let step = now.wrapping_sub(last).cast_signed();
    match i16::from(last) + i16::from(step) {
        ..0 => u8::MAX,
        0..256 => 0,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::coding::range_coder::{Decoder, Dry, Encoder};

    fn inputs() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let byte = prop_oneof![0u8..4, 250u8.., any::<u8>()];
        prop::collection::vec(prop::collection::vec(byte, 0..20), 0..60)
    }

    fn before(inputs: &[Vec<u8>], tick: usize) -> [&[u8]; 2] {
        [1, 2].map(|back| tick.checked_sub(back).map_or(&[][..], |i| &inputs[i]))
    }

    proptest! {
        #[test]
        fn inputs_come_back_whatever_was_learned_before(inputs in inputs(), from in any::<prop::sample::Index>()) {
            let from = from.index(inputs.len() + 1);
            let mut model = Model::new();
            let mut out = Vec::new();
            for i in 0..from {
                model.code(&mut Dry, before(&inputs, i), &inputs[i], &mut out).unwrap();
                prop_assert_eq!(&out, &inputs[i]);
            }
            let mut other = Model::new();
            other.copy_from(&model);

            let mut bytes = Vec::new();
            let mut encoder = Encoder::new(&mut bytes, usize::MAX);
            for i in from..inputs.len() {
                model.code(&mut encoder, before(&inputs, i), &inputs[i], &mut out).unwrap();
                prop_assert_eq!(&out, &inputs[i]);
            }
            encoder.finish();
            let mut decoder = Decoder::new(&bytes);
            for i in from..inputs.len() {
                other.code(&mut decoder, before(&inputs, i), &[], &mut out).unwrap();
                prop_assert_eq!(&out, &inputs[i]);
            }
        }

        #[test]
        fn any_bytes_are_inputs_within_bounds(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut decoder = Decoder::new(&bytes);
            let mut model = Model::new();
            let [mut last, mut earlier, mut out] = [const { Vec::new() }; 3];
            for _ in 0..50 {
                if let Err(BadLength(len)) = model.code(&mut decoder, [&last, &earlier], &[], &mut out) {
                    prop_assert!(len > MAX_INPUT_LEN);
                    break;
                }
                prop_assert!(out.len() <= MAX_INPUT_LEN);
                (earlier, last) = (last, out.clone());
            }
            prop_assert!(model.slots.len() <= SLOTS);
        }
    }

    #[test]
    fn every_length_comes_back() {
        let mut model = Model::new();
        let mut out = Vec::new();
        for len in (0..70).chain([255, 256, 1000, MAX_INPUT_LEN - 1, MAX_INPUT_LEN]) {
            let mut bytes = Vec::new();
            let mut encoder = Encoder::new(&mut bytes, usize::MAX);
            let mut other = Model::new();
            other.copy_from(&model);
            assert_eq!(model.code_len(&mut encoder, len), len);
            encoder.finish();
            assert_eq!(other.code_len(&mut Decoder::new(&bytes), 0), len);
            model
                .code(&mut Dry, [&[], &[]], &vec![1; len], &mut out)
                .unwrap();
        }
    }

    #[test]
    fn bytes_run_over_by_the_shorter_way() {
        assert_eq!(run_over(250, 4), 1);
        assert_eq!(run_over(4, 250), u8::MAX);
        assert_eq!(run_over(100, 200), 0);
        assert_eq!(run_over(255, 0), 1);
        assert_eq!(run_over(7, 7), 0);
    }
}
