//! Encodes an input relative to the two inputs before it.
//!
//! An input has one of five *forms*. The encoding starts with the number of the form: that many
//! bits 1, and a bit 0 unless the form is the last.
//!
//! | form | bits | the input |
//! |---|---|---|
//! | 0 | `0` | equals the linear prediction |
//! | 1 | `10` | equals the last input |
//! | 2 | `110`, then each byte | is close to the last input |
//! | 3 | `1110`, then each byte | is close to the linear prediction |
//! | 4 | `1111`, then the length and the bytes | is anything |
//!
//! - The *linear prediction* is the last input plus its difference from the one before, as one
//!   little-endian number. If the two have different lengths, it is the last input.
//! - A byte in forms 2 and 3 is `0` if it equals the predicted byte, `10` and its signed difference
//!   in 4 bits, or `11` and its 8 bits.
//! - A length is `0` if it is that of the last input, or `1` and 10 bits.
//!
//! Inputs that do not change and inputs that change evenly therefore consist of zero bits, which are
//! not sent at the end of a stream.

use super::{
    bits::{BitReader, BitWriter},
    limits::MAX_INPUT_LEN,
};

const LINEAR: u32 = 0;
const LAST: u32 = 1;
const NEAR_LAST: u32 = 2;
const NEAR_LINEAR: u32 = 3;
const ANY: u32 = 4;

/// The number of bits of a length.
const LEN_BITS: u32 = 10;

/// The two inputs before an input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before<'a> {
    pub(super) last: &'a [u8],
    pub(super) earlier: &'a [u8],
}

impl Before<'_> {
    /// Returns the linear prediction, or the last input.
    fn predict(self, is_linear: bool) -> impl Iterator<Item = u8> {
        let earlier = match is_linear && self.earlier.len() == self.last.len() {
            true => self.earlier,
            false => self.last,
        };
        let bytes = self.last.iter().zip(earlier);
        bytes.scan(0, |carry, (&last, &earlier)| {
            let sum = 2 * i16::from(last) - i16::from(earlier) + *carry;
            *carry = sum >> 8;
            Some(sum as u8)
        })
    }
}

/// An input in its shortest form.
#[derive(Debug)]
pub(super) struct Delta<'a> {
    input: &'a [u8],
    before: Before<'a>,
    form: u32,
    bits: usize,
}

impl<'a> Delta<'a> {
    pub(super) fn new(input: &'a [u8], before: Before<'a>) -> Self {
        let (form, bits) = shortest(input, before);
        Self {
            input,
            before,
            form,
            bits,
        }
    }

    /// Returns the length of the encoding in bits.
    pub(super) fn bits(&self) -> usize {
        self.bits
    }

    /// Returns `true` if the encoding consists of zeros.
    pub(super) fn is_zero(&self) -> bool {
        self.form == LINEAR
    }

    pub(super) fn write(&self, out: &mut BitWriter<'_>) {
        out.bits((1 << self.form) - 1, (self.form + 1).min(ANY));
        match self.form {
            NEAR_LAST | NEAR_LINEAR => {
                let predicted = self.before.predict(self.form == NEAR_LINEAR);
                for (&byte, predicted) in self.input.iter().zip(predicted) {
                    let (value, bits) = near(byte, predicted);
                    out.bits(value, bits);
                }
            }
            ANY => {
                let is_other_len = self.input.len() != self.before.last.len();
                out.bits(is_other_len.into(), 1);
                if is_other_len {
                    out.bits(self.input.len() as u64, LEN_BITS);
                }
                for &byte in self.input {
                    out.bits(byte.into(), 8);
                }
            }
            _ => {}
        }
    }
}

/// Returns the shortest form, and its length in bits.
fn shortest(input: &[u8], before: Before<'_>) -> (u32, usize) {
    let equals = |is_linear| before.predict(is_linear).eq(input.iter().copied());
    if equals(true) {
        return (LINEAR, 1);
    }
    if equals(false) {
        return (LAST, 2);
    }
    let any = 4 + 1 + 8 * input.len();
    if input.len() != before.last.len() {
        return (ANY, any + LEN_BITS as usize);
    }
    let near = |is_linear| -> usize {
        let bytes = input.iter().zip(before.predict(is_linear));
        bytes.map(|(&byte, of)| near(byte, of).1 as usize).sum()
    };
    let forms = [
        (NEAR_LAST, 3 + near(false)),
        (NEAR_LINEAR, 4 + near(true)),
        (ANY, any),
    ];
    let [first, rest @ ..] = forms;
    rest.into_iter()
        .fold(first, |a, b| if b.1 < a.1 { b } else { a })
}

/// Encodes a byte relative to the predicted one. Returns a number and its length in bits.
fn near(byte: u8, predicted: u8) -> (u64, u32) {
    match byte.wrapping_sub(predicted).cast_signed() {
        0 => (0, 1),
        difference @ -8..8 => (0b01 | u64::from(difference.cast_unsigned() & 0xf) << 2, 6),
        _ => (0b11 | u64::from(byte) << 2, 10),
    }
}

/// Reads an input into `space`. Bits after the end are zeros.
///
/// # Errors
/// Returns the length of an input that is too long.
pub(super) fn read<'a>(
    from: &mut BitReader<'_>,
    before: Before<'_>,
    space: &'a mut [u8; MAX_INPUT_LEN],
) -> Result<&'a [u8], usize> {
    let mut bits = |n| from.bits_or_zeros(n);
    let form = (0..ANY).find(|_| bits(1) == 0).unwrap_or(ANY);
    let len = match form == ANY && bits(1) == 1 {
        true => bits(LEN_BITS) as usize,
        false => before.last.len(),
    };
    let input = space.get_mut(..len).ok_or(len)?;
    if form == ANY {
        input.fill_with(|| bits(8) as u8);
        return Ok(input);
    }
    let predicted = before.predict(form == LINEAR || form == NEAR_LINEAR);
    let is_near = form == NEAR_LAST || form == NEAR_LINEAR;
    for (byte, predicted) in input.iter_mut().zip(predicted) {
        *byte = if !is_near || bits(1) == 0 {
            predicted
        } else if bits(1) == 0 {
            predicted.wrapping_add_signed((bits(4) << 4) as i8 >> 4)
        } else {
            bits(8) as u8
        };
    }
    Ok(input)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the encoding of an input, and its length in bits.
    fn encode(earlier: &[u8], last: &[u8], input: &[u8]) -> (Vec<u8>, usize) {
        let delta = Delta::new(input, Before { last, earlier });
        let mut out = Vec::new();
        delta.write(&mut BitWriter::new(&mut out));
        assert_eq!(delta.is_zero(), out.iter().all(|byte| *byte == 0));
        (out, delta.bits())
    }

    fn bits(earlier: &[u8], last: &[u8], input: &[u8]) -> usize {
        encode(earlier, last, input).1
    }

    #[test]
    fn encodings_match_golden_bytes() {
        // Equal to the linear prediction, and to the last input.
        assert_eq!(encode(&[0, 9], &[1, 9], &[2, 9]), (vec![0b0], 1));
        assert_eq!(encode(&[0, 9], &[1, 9], &[1, 9]), (vec![0b01], 2));
        // Close to the last input: 2 less, and equal.
        let near_last = (vec![0xcb, 0x01], 10);
        assert_eq!(encode(&[0, 9], &[5, 9], &[3, 9]), near_last);
        // Close to the linear prediction: 1 more than 100, and `a5`.
        let near_linear = (vec![0x57, 0x5c, 0x0a], 20);
        assert_eq!(encode(&[60, 0], &[80, 0], &[101, 0xa5]), near_linear);
        // Anything, in the same and in another length.
        let any = (vec![0x4f, 0x0b, 0x0f], 21);
        assert_eq!(encode(&[200, 80], &[3, 250], &[90, 120]), any);
        assert_eq!(encode(&[], &[], &[7]), (vec![0x3f, 0x80, 0x03], 23));
    }

    #[test]
    fn inputs_that_repeat_or_change_evenly_take_one_bit() {
        assert_eq!(bits(b"held", b"held", b"held"), 1);
        assert_eq!(bits(&[1, 0], &[2, 0], &[3, 0]), 1);
        // A carry, and a borrow.
        assert_eq!(bits(&[0x10, 0], &[0x90, 0], &[0x10, 1]), 1);
        assert_eq!(bits(&[0x10, 1], &[0x90, 0], &[0x10, 0]), 1);
        // The first tick in which a change does not continue.
        assert_eq!(bits(&[1, 0], &[2, 0], &[2, 0]), 2);
    }

    #[test]
    fn noise_takes_five_bits_more_than_its_bytes() {
        assert_eq!(bits(&[200, 80], &[3, 250], &[90, 120]), 5 + 2 * 8);
        assert_eq!(bits(&[], &[], &[90, 120]), 15 + 2 * 8);
    }

    fn inputs() -> impl Strategy<Value = [Vec<u8>; 3]> {
        let byte = || prop_oneof![0u8..3, 250u8..=255, any::<u8>()];
        let any_len = || prop::collection::vec(byte(), 0..20);
        let same_len = (0usize..6).prop_flat_map(move |len| {
            prop::array::uniform3(prop::collection::vec(byte(), len..=len))
        });
        prop_oneof![same_len, prop::array::uniform3(any_len())]
    }

    proptest! {
        #[test]
        fn inputs_round_trip_in_as_many_bits_as_stated([earlier, last, input] in inputs()) {
            let (mut bytes, bits) = encode(&earlier, &last, &input);
            prop_assert_eq!(bytes.len(), bits.div_ceil(8));
            while bytes.last() == Some(&0) {
                bytes.pop();
            }
            let before = Before { last: &last, earlier: &earlier };
            let mut space = [0; MAX_INPUT_LEN];
            let mut reader = BitReader::new(&bytes);
            prop_assert_eq!(read(&mut reader, before, &mut space), Ok(&input[..]));
            prop_assert_eq!(reader.rest(), (0, true));
        }

        #[test]
        fn any_bytes_are_an_input_or_too_long(
            bytes in prop::collection::vec(any::<u8>(), 0..20),
            [earlier, last, _] in inputs(),
        ) {
            let before = Before { last: &last, earlier: &earlier };
            let mut space = [0; MAX_INPUT_LEN];
            if let Err(len) = read(&mut BitReader::new(&bytes), before, &mut space) {
                prop_assert!((MAX_INPUT_LEN + 1..1024).contains(&len));
            }
        }
    }
}
