//! The one place where typed messages become bytes and back.

mod error;
mod reading;
mod writing;

use bincode::{
    config::{self, Configuration, Limit, LittleEndian, Varint},
    enc::write::Writer,
};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

pub use self::error::{DecodeError, EncodeError, MAX_DEPTH, MAX_ELEMENTS_BEYOND_BYTES};

use self::{reading::BoundedSeed, writing::Check};
use crate::limits::MAX_EVENT_LEN;

/// How much memory one decoded message may claim, in bytes. Well above what the longest message
/// needs, because small numbers take less room on the wire than in memory.
const MEMORY_LIMIT: usize = 16 * MAX_EVENT_LEN;

const CONFIG: Configuration<LittleEndian, Varint, Limit<MEMORY_LIMIT>> =
    config::standard().with_limit::<MEMORY_LIMIT>();

/// Turns a message into bytes.
///
/// ```
/// use huddle_session::codec;
///
/// let bytes = codec::encode(&(7u32, "hello"), 100)?;
/// assert_eq!(codec::decode::<(u32, String)>(&bytes, 100), Ok((7, "hello".to_owned())));
/// assert!(codec::encode(&"too long", 4).is_err());
/// # Ok::<(), huddle_session::codec::EncodeError>(())
/// ```
///
/// # Errors
/// If it takes more than `max` bytes, [`decode`] could not read it, or its `Serialize`
/// implementation fails.
pub fn encode<T: Serialize>(message: &T, max: usize) -> Result<Bytes, EncodeError> {
    let check = Check::default();
    let bytes =
        bincode::serde::encode_to_vec(check.guard(message), CONFIG).map_err(|e| check.error(&e))?;
    if bytes.len() > max {
        return Err(EncodeError::TooLong {
            len: bytes.len(),
            max,
        });
    }
    check.check_elements(bytes.len())?;
    Ok(bytes.into())
}

/// Appends an encoded message to `out`, without allocating. Use it for messages that are encoded
/// every tick.
///
/// # Errors
/// The errors of [`encode`]. `out` may then contain part of the message.
pub fn encode_into<T: Serialize>(
    message: &T,
    out: &mut Vec<u8>,
    max: usize,
) -> Result<(), EncodeError> {
    let mut appender = Appender { out, len: 0, max };
    let check = Check::default();
    bincode::serde::encode_into_writer(check.guard(message), &mut appender, CONFIG)
        .map_err(|e| check.error(&e))?;
    match appender.len {
        len if len > max => Err(EncodeError::TooLong { len, max }),
        len => check.check_elements(len),
    }
}

/// Appends at most `max` bytes, and counts all.
struct Appender<'a> {
    out: &'a mut Vec<u8>,
    len: usize,
    max: usize,
}

impl Writer for &mut Appender<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        self.len = self.len.saturating_add(bytes.len());
        if self.len <= self.max {
            self.out.extend_from_slice(bytes);
        }
        Ok(())
    }
}

/// Turns bytes that came from another player into a message; all of them must be used.
///
/// Bytes are untrusted: time and memory stay bounded by their number whatever they say, and so does
/// the stack. What nests deeper than [`MAX_DEPTH`] is refused, and so are more elements of sequences
/// and maps than there are bytes and [`MAX_ELEMENTS_BEYOND_BYTES`] together. [`encode`] refuses the
/// same. Types that describe themselves (`#[serde(untagged)]`, `#[serde(tag)]`,
/// `#[serde(flatten)]`) cannot be decoded.
///
/// # Errors
/// If the bytes are more than `max`, do not fit `T`, or are more than `T` needs.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLong {
            len: bytes.len(),
            max,
        });
    }
    let seed = BoundedSeed::new(bytes.len());
    let (message, used) = bincode::serde::seed_decode_from_slice(seed, bytes, CONFIG)
        .map_err(|e| DecodeError::Malformed(e.to_string()))?;
    match bytes.len() - used {
        0 => Ok(message),
        rest => Err(DecodeError::LeftOver(rest)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Sample {
        Nothing,
        Numbers {
            small: Vec<u64>,
            float: f32,
            maybe: Option<i16>,
        },
        Texts(BTreeMap<String, (bool, char)>),
    }

    fn sample() -> impl Strategy<Value = Sample> {
        prop_oneof![
            Just(Sample::Nothing),
            (
                prop::collection::vec(any::<u64>(), 0..50),
                -1e9f32..1e9,
                any::<Option<i16>>()
            )
                .prop_map(|(small, float, maybe)| Sample::Numbers {
                    small,
                    float,
                    maybe
                }),
            prop::collection::btree_map(".{0,9}", any::<(bool, char)>(), 0..9)
                .prop_map(Sample::Texts),
        ]
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(sample in sample()) {
            let bytes = encode(&sample, 4096).unwrap();
            let mut out = vec![1, 2, 3];
            prop_assert_eq!(encode_into(&sample, &mut out, bytes.len()), Ok(()));
            prop_assert_eq!(&out[3..], &bytes[..]);
            out.clear();
            let (len, max) = (bytes.len(), bytes.len() - 1);
            let too_long = Err(EncodeError::TooLong { len, max });
            prop_assert_eq!(encode_into(&sample, &mut out, max), too_long);
            prop_assert!(out.len() <= max);
            prop_assert_eq!(decode::<Sample>(&bytes, 4096).unwrap(), sample);
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode::<Sample>(&bytes, 4096);
            let _ = decode::<Vec<String>>(&bytes, 4096);
            let _ = decode::<BTreeMap<u64, Vec<Option<Sample>>>>(&bytes, 4096);
        }

        #[test]
        fn every_cut_is_an_error(sample in sample(), cut in any::<prop::sample::Index>()) {
            let bytes = encode(&sample, 4096).unwrap();
            let short = &bytes[..cut.index(bytes.len())];
            prop_assert!(decode::<Sample>(short, 4096).is_err());
        }
    }

    #[test]
    fn a_length_that_lies_is_refused_without_the_memory() {
        // A varint for 2^40, then nothing.
        let lie = [253, 0, 0, 0, 0, 0, 1, 0, 0];
        assert!(matches!(
            decode::<String>(&lie, 100),
            Err(DecodeError::Malformed(_))
        ));
        assert!(matches!(
            decode::<Vec<u32>>(&lie, 100),
            Err(DecodeError::Malformed(_))
        ));
    }

    #[test]
    fn limits_and_leftovers_are_named() {
        assert_eq!(
            encode(&[7u8; 10], 9),
            Err(EncodeError::TooLong { len: 10, max: 9 })
        );
        assert_eq!(
            decode::<[u8; 10]>(&[0; 10], 9),
            Err(DecodeError::TooLong { len: 10, max: 9 })
        );
        assert_eq!(decode::<[u8; 2]>(&[0; 5], 9), Err(DecodeError::LeftOver(3)));
    }

    #[test]
    fn the_longest_message_of_small_numbers_decodes() {
        let numbers = vec![1u64; crate::limits::MAX_EVENT_LEN - 3];
        let bytes = encode(&numbers, crate::limits::MAX_EVENT_LEN).unwrap();
        assert_eq!(bytes.len(), crate::limits::MAX_EVENT_LEN);
        assert_eq!(
            decode::<Vec<u64>>(&bytes, crate::limits::MAX_EVENT_LEN),
            Ok(numbers)
        );
    }
}
