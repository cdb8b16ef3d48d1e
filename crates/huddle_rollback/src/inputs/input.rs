use std::fmt::Debug;

use huddle_session::{
    Schema,
    codec::{self, DecodeError, EncodeError},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    bits::{BitReader, BitWriter},
    limits::MAX_INPUT_LEN,
};

/// The input of a seat in a tick. Every suitable type implements it.
///
/// The input before the first tick, and of a seat without a player, is `Default::default()`.
pub trait Input: Clone + PartialEq + Default + Debug + Send + Sync + 'static {}

impl<I: Clone + PartialEq + Default + Debug + Send + Sync + 'static> Input for I {}

/// Encodes and decodes inputs. All players simulate the decoded input, including the player that
/// made it, so an encoding may round values.
///
/// Equal inputs must have equal encodings. Otherwise an unchanged input costs as much as a changed
/// one.
///
/// Keep inputs small. Each packet repeats the inputs that are not acked, in about 1000 bytes. Inputs
/// whose bytes all change in every tick, such as 500 random bytes, do not fit at the full rate: the
/// match then runs at a fraction of its ticks per second, and
/// [`RollbackEvent::Waiting`](super::super::RollbackEvent::Waiting) is the only report. Send large
/// data as events or transfers.
pub trait InputCodec<I>: Send + Sync + 'static {
    /// Appends an input to `out`, at most [`MAX_INPUT_LEN`] bytes.
    ///
    /// # Errors
    /// Returns an error if the input is longer or cannot be encoded. `out` may then contain a part of
    /// it.
    fn encode(&self, input: &I, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Decodes an input from untrusted bytes.
    ///
    /// # Errors
    /// Returns an error if the bytes are not an input.
    fn decode(&self, bytes: &[u8]) -> Result<I, DecodeError>;

    /// Describes the encoding. The players compare their descriptions before a match starts.
    fn schema(&self) -> String;
}

/// Encodes inputs of any `serde` type. Numbers take as many bytes as their value needs.
#[derive(Debug, Clone, Copy, Default)]
pub struct SerdeInput;

impl<I: Input + Serialize + DeserializeOwned> InputCodec<I> for SerdeInput {
    fn encode(&self, input: &I, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        codec::encode_into(input, out, MAX_INPUT_LEN)
    }

    fn decode(&self, bytes: &[u8]) -> Result<I, DecodeError> {
        codec::decode(bytes, MAX_INPUT_LEN)
    }

    fn schema(&self) -> String {
        Schema::of::<I>().to_string()
    }
}

/// An input that defines its bits.
///
/// ```
/// use huddle_rollback::{BitReader, BitWriter, InputCodec, PackInput, PackedInput};
///
/// #[derive(Debug, Clone, Default, PartialEq)]
/// struct Pad {
///     jump: bool,
///     /// From -1 to 1.
///     walk: f32,
/// }
///
/// impl PackInput for Pad {
///     fn pack(&self, out: &mut BitWriter) {
///         out.bit(self.jump);
///         out.float(self.walk, -1.0, 1.0, 7);
///     }
///
///     fn unpack(from: &mut BitReader) -> Option<Self> {
///         Some(Self {
///             jump: from.bit()?,
///             walk: from.float(-1.0, 1.0, 7)?,
///         })
///     }
/// }
///
/// let pad = Pad { jump: true, walk: -1.0 };
/// let mut bytes = Vec::new();
/// PackedInput.encode(&pad, &mut bytes)?;
/// assert_eq!(bytes, [0b0000_0001]);
/// assert_eq!(PackedInput.decode(&bytes), Ok(pad));
/// # Ok::<(), huddle_session::codec::EncodeError>(())
/// ```
pub trait PackInput: Input {
    /// Writes the input.
    fn pack(&self, out: &mut BitWriter<'_>);

    /// Reads an input in the same order. Returns `None` if the bits are not an input, for example if
    /// they end too early.
    fn unpack(from: &mut BitReader<'_>) -> Option<Self>;
}

/// Encodes inputs that implement [`PackInput`]. The schema lists what `I::default()` writes.
#[derive(Debug, Clone, Copy, Default)]
pub struct PackedInput;

impl<I: PackInput> InputCodec<I> for PackedInput {
    fn encode(&self, input: &I, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let before = out.len();
        input.pack(&mut BitWriter::new(out));
        match out.len() - before {
            ..=MAX_INPUT_LEN => Ok(()),
            len => Err(EncodeError::TooLong {
                len,
                max: MAX_INPUT_LEN,
            }),
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<I, DecodeError> {
        if bytes.len() > MAX_INPUT_LEN {
            return Err(DecodeError::TooLong {
                len: bytes.len(),
                max: MAX_INPUT_LEN,
            });
        }
        let mut reader = BitReader::new(bytes);
        let input = I::unpack(&mut reader)
            .ok_or_else(|| DecodeError::Malformed("the bits are not an input".to_owned()))?;
        match reader.rest() {
            (0, true) => Ok(input),
            (0, false) => Err(DecodeError::Malformed(
                "the unused bits are not 0".to_owned(),
            )),
            (bytes, _) => Err(DecodeError::TrailingBytes(bytes)),
        }
    }

    fn schema(&self) -> String {
        let mut bytes = Vec::new();
        let mut writer = BitWriter::describing(&mut bytes);
        I::default().pack(&mut writer);
        format!("packed({})", writer.description())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    struct Pad {
        buttons: u8,
        aim: (i16, i16),
    }

    impl PackInput for Pad {
        fn pack(&self, out: &mut BitWriter<'_>) {
            out.bits(self.buttons.into(), 6);
            out.signed(self.aim.0.into(), 12);
            out.signed(self.aim.1.into(), 12);
        }

        fn unpack(from: &mut BitReader<'_>) -> Option<Self> {
            Some(Self {
                buttons: from.bits(6)? as u8,
                aim: (from.signed(12)? as i16, from.signed(12)? as i16),
            })
        }
    }

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    struct Long(Vec<u8>);

    impl PackInput for Long {
        fn pack(&self, out: &mut BitWriter<'_>) {
            for &byte in &self.0 {
                out.bits(byte.into(), 8);
            }
        }

        fn unpack(_: &mut BitReader<'_>) -> Option<Self> {
            Some(Self::default())
        }
    }

    proptest! {
        #[test]
        fn inputs_round_trip(buttons in 0u8..64, x in -2048i16..2048, y in -2048i16..2048) {
            let pad = Pad { buttons, aim: (x, y) };
            let mut bytes = vec![1, 2];
            PackedInput.encode(&pad, &mut bytes).unwrap();
            prop_assert_eq!(bytes.len(), 2 + 4);
            prop_assert_eq!(PackedInput.decode(&bytes[2..]), Ok(pad.clone()));
            bytes.truncate(2);
            SerdeInput.encode(&pad, &mut bytes).unwrap();
            prop_assert_eq!(SerdeInput.decode(&bytes[2..]), Ok(pad));
        }

        #[test]
        fn any_bytes_are_an_input_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..8)) {
            if let Ok(pad) = InputCodec::<Pad>::decode(&PackedInput, &bytes) {
                let mut again = Vec::new();
                PackedInput.encode(&pad, &mut again).unwrap();
                prop_assert_eq!(again, bytes.clone());
            }
            let _ = InputCodec::<Pad>::decode(&SerdeInput, &bytes);
        }
    }

    #[test]
    fn schemas_describe_the_bytes() {
        let serde = InputCodec::<Pad>::schema(&SerdeInput);
        assert_eq!(serde, "{buttons: u8, aim: [i16; 2]}");
        let packed = InputCodec::<Pad>::schema(&PackedInput);
        assert_eq!(packed, "packed(bits 6, signed 12, signed 12)");
    }

    #[test]
    fn inputs_and_bytes_that_do_not_fit_are_errors() {
        let long = Long(vec![7; MAX_INPUT_LEN + 1]);
        let too_long = |len| EncodeError::TooLong {
            len,
            max: MAX_INPUT_LEN,
        };
        let mut out = Vec::new();
        assert_eq!(
            PackedInput.encode(&long, &mut out),
            Err(too_long(MAX_INPUT_LEN + 1))
        );
        out.clear();
        // The length takes three bytes more.
        assert_eq!(
            SerdeInput.encode(&long, &mut out),
            Err(too_long(MAX_INPUT_LEN + 4))
        );
        let decode = |bytes: &[u8]| InputCodec::<Pad>::decode(&PackedInput, bytes);
        assert_eq!(decode(&[0; 6]), Err(DecodeError::TrailingBytes(2)));
        assert!(matches!(decode(&[0; 3]), Err(DecodeError::Malformed(_))));
        assert!(matches!(
            decode(&[0, 0, 0, 0xff]),
            Err(DecodeError::Malformed(_))
        ));
        assert!(matches!(
            decode(&[0; 5000]),
            Err(DecodeError::TooLong { .. })
        ));
    }
}
