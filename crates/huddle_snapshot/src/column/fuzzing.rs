//! Invariants of the entropy coding of records for arbitrary data.

use super::{Baseline, Earlier, Field, Models, Number, RecordError, decode, encode};
use crate::entropy::{Decoder, Encoder};

/// The maximum number of records in an input.
const MAX_RECORDS: usize = 64;

/// Decodes records whose layout and baselines the first bytes choose, and encodes them again.
///
/// All decoded numbers are in their range, and the bytes that they encode to decode to the same numbers.
pub fn entropy(bytes: &[u8]) {
    let Some((&[first, second, third], bytes)) = bytes.split_first_chunk() else {
        return;
    };
    let layout = [field(first), field(second)];
    let mut records = Records::new(&layout);
    let mut encoded = Vec::new();
    let mut encoder = Encoder::new(&mut encoded);
    let mut decoder = Decoder::new(bytes);
    let mut decoded = Models::new(&layout);
    let mut models = decoded.clone();
    let mut count = 0;
    while count < MAX_RECORDS {
        let (baseline, context) = records.next(third, count);
        let mut out = records.state();
        let result = decode(
            &mut decoder,
            &mut decoded,
            &layout,
            &baseline,
            context,
            &mut out,
        );
        match result {
            Ok(_) => {}
            Err(RecordError::OutOfRange(_) | RecordError::Truncated) => break,
            Err(error @ RecordError::Layout) => panic!("{error}"),
        }
        let now: Vec<i32> = out.iter().map(|number| number.value).collect();
        let limits = layout
            .iter()
            .flat_map(|field| (0..field.len()).map(|i| field.max(i)));
        assert!(
            now.iter()
                .zip(limits)
                .all(|(now, max)| (0..=max).contains(now))
        );
        let mut again = records.state();
        let result = encode(
            &mut encoder,
            &mut models,
            &layout,
            &baseline,
            context,
            &now,
            &mut again,
        );
        assert!(result.is_ok());
        assert!(again.iter().map(|number| number.value).eq(now));
        records.states.push(again);
        count += 1;
    }
    encoder.finish();
    check(&layout, third, &records, &encoded);
}

/// Decodes what was encoded, and compares the records.
fn check(layout: &[Field], choice: u8, expected: &Records, bytes: &[u8]) {
    let mut decoder = Decoder::new(bytes);
    let mut models = Models::new(layout);
    let mut records = Records::new(layout);
    for (count, expected) in expected.states.iter().skip(1).enumerate() {
        let (baseline, context) = records.next(choice, count);
        let mut out = records.state();
        let result = decode(
            &mut decoder,
            &mut models,
            layout,
            &baseline,
            context,
            &mut out,
        );
        assert!(result.is_ok());
        assert_eq!(&out, expected);
        records.states.push(out);
    }
    assert_eq!(decoder.unread(), 0);
}

/// The states that both sides have, the newest last.
struct Records {
    states: Vec<Vec<Number>>,
}

impl Records {
    fn new(layout: &[Field]) -> Self {
        let len = layout.iter().map(Field::len).sum();
        Self {
            states: vec![vec![Number::UNKNOWN; len]],
        }
    }

    /// Returns an empty state.
    fn state(&self) -> Vec<Number> {
        vec![Number::default(); self.states[0].len()]
    }

    /// Returns the baseline and the context of the next record.
    fn next(&self, choice: u8, count: usize) -> (Baseline<'_>, usize) {
        let age = 1 + usize::from(choice & 3);
        let newest = self.states.len() - 1;
        let base = newest.saturating_sub(age - 1);
        let earlier = base.checked_sub(1 + usize::from(choice >> 3 & 1));
        let baseline = Baseline {
            numbers: &self.states[base],
            ticks: u32::from(choice >> 2 & 7),
            age: u32::from(choice >> 5) * 37,
            earlier: earlier.map(|earlier| Earlier {
                numbers: &self.states[earlier],
                ticks: u32::from(choice >> 4 & 3),
            }),
        };
        (baseline, count % 3)
    }
}

/// Returns the field that a byte chooses.
fn field(byte: u8) -> Field {
    let bits = byte >> 3;
    match byte & 7 {
        0 => Field::Flag,
        1 => Field::Angle {
            bits: bits.clamp(1, 31),
        },
        2 | 3 => Field::Rotation {
            bits: bits.clamp(2, 16),
        },
        axes => Field::Vector {
            axes: (axes - 3).min(3),
            max: [1, 0x7fff_ffff, 0x3ff].map(|max| max >> (bits % 10)),
        },
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    #[test]
    fn random_bytes_keep_the_invariants() {
        let mut rng = Rng::with_seed(1);
        for _ in 0..3000 {
            let len = rng.usize(..200);
            // Zeros are likely, because they continue what is probable.
            let zeros = rng.u8(..5);
            let byte = |rng: &mut Rng| rng.u8(..) * u8::from(rng.u8(..5) >= zeros);
            let mut bytes: Vec<_> = (0..len).map(|_| byte(&mut rng)).collect();
            bytes.iter_mut().take(3).for_each(|byte| *byte = rng.u8(..));
            entropy(&bytes);
        }
    }
}
