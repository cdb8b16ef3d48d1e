//! Encodes typed messages and decodes them.

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

/// The maximum amount of memory that a decoded message may claim, in bytes. It is well above the
/// length of the longest message, because small numbers take more memory than bytes on the wire.
const MEMORY_LIMIT: usize = 16 * MAX_EVENT_LEN;

const CONFIG: Configuration<LittleEndian, Varint, Limit<MEMORY_LIMIT>> =
    config::standard().with_limit::<MEMORY_LIMIT>();

/// Encodes a message.
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
/// Returns an error if the message takes more than `max` bytes, if [`decode`] could not decode it,
/// or if its `Serialize` implementation fails.
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

/// Encodes a message and appends it to `out`, without another allocation. Use it for messages that
/// the game encodes every tick.
///
/// # Errors
/// Returns the same errors as [`encode`]. After an error, `out` may contain part of the message.
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

/// Appends at most `max` bytes, but counts all bytes.
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

/// Decodes a message from another peer.
///
/// The bytes are untrusted. Their number bounds the time and memory that decoding takes, and the
/// stack is bounded as well. The function rejects values that are nested deeper than [`MAX_DEPTH`],
/// and more elements of sequences and maps than the number of bytes plus
/// [`MAX_ELEMENTS_BEYOND_BYTES`]. [`encode`] rejects the same messages.
///
/// Types that need a self-describing format (`#[serde(untagged)]`, `#[serde(tag)]`,
/// `#[serde(flatten)]`) cannot be decoded.
///
/// # Errors
/// Returns an error if there are more than `max` bytes, if the bytes do not match `T`, or if bytes
/// are left over.
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
        rest => Err(DecodeError::TrailingBytes(rest)),
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
        fn messages_round_trip(sample in sample()) {
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
        fn truncated_messages_are_rejected(sample in sample(), cut in any::<prop::sample::Index>()) {
            let bytes = encode(&sample, 4096).unwrap();
            let short = &bytes[..cut.index(bytes.len())];
            prop_assert!(decode::<Sample>(short, 4096).is_err());
        }
    }

    #[test]
    fn false_lengths_are_rejected_without_allocation() {
        // A varint for 2^40 without elements after it.
        let bytes = [253, 0, 0, 0, 0, 0, 1, 0, 0];
        assert!(matches!(
            decode::<String>(&bytes, 100),
            Err(DecodeError::Malformed(_))
        ));
        assert!(matches!(
            decode::<Vec<u32>>(&bytes, 100),
            Err(DecodeError::Malformed(_))
        ));
    }

    #[test]
    fn errors_contain_the_lengths() {
        assert_eq!(
            encode(&[7u8; 10], 9),
            Err(EncodeError::TooLong { len: 10, max: 9 })
        );
        assert_eq!(
            decode::<[u8; 10]>(&[0; 10], 9),
            Err(DecodeError::TooLong { len: 10, max: 9 })
        );
        assert_eq!(
            decode::<[u8; 2]>(&[0; 5], 9),
            Err(DecodeError::TrailingBytes(3))
        );
    }

    #[test]
    fn longest_message_of_small_numbers_round_trips() {
        let numbers = vec![1u64; crate::limits::MAX_EVENT_LEN - 3];
        let bytes = encode(&numbers, crate::limits::MAX_EVENT_LEN).unwrap();
        assert_eq!(bytes.len(), crate::limits::MAX_EVENT_LEN);
        assert_eq!(
            decode::<Vec<u64>>(&bytes, crate::limits::MAX_EVENT_LEN),
            Ok(numbers)
        );
    }
}
