//! The probabilities with which the records of a link are coded.

use crate::{
    column,
    entropy::{BitModel, Decoder, Encoder, NumberModel},
    layout::Layout,
};

/// The probabilities of everything in a record.
///
/// Each packet starts with the models as they were after an earlier packet that the receiver acked,
/// and its first byte names that packet. So both ends always have the same models.
#[derive(Debug)]
pub(crate) struct Models {
    /// Whether another record follows.
    pub(super) more: BitModel,
    /// Whether the entity has the creator and the rules of the one before.
    pub(super) is_counted_alike: BitModel,
    pub(super) name: ByteModel,
    /// The bytes of the number of an entity, the highest first.
    pub(super) number: [ByteModel; 4],
    /// The numbers between an entity and the one before.
    pub(super) skipped: NumberModel,
    pub(super) is_state: BitModel,
    pub(super) is_hidden: BitModel,
    /// Whether the state is relative to a baseline.
    pub(super) is_delta: BitModel,
    pub(super) is_same_age: BitModel,
    pub(super) age: ByteModel,
    /// Whether the record uses a state before the baseline.
    pub(super) has_earlier: BitModel,
    pub(super) is_same_gap: BitModel,
    pub(super) gap: ByteModel,
    /// Whether the register, the components, or who may see the entity differ from the baseline.
    pub(super) has_head: BitModel,
    pub(super) is_initial: BitModel,
    pub(super) is_dead: BitModel,
    pub(super) claim: ByteModel,
    pub(super) counter: ByteModel,
    pub(super) has_component: Vec<BitModel>,
    /// Whether the owner hides the entity from some peers.
    pub(super) is_restricted: BitModel,
    /// For each component type.
    pub(super) components: Vec<ComponentModels>,
}

/// The probabilities of the values of a component.
#[derive(Debug)]
pub(super) enum ComponentModels {
    Fields(Box<column::Models>),
    Blob(Box<BlobModels>),
}

/// The probabilities of a blob.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BlobModels {
    pub(super) is_changed: BitModel,
    pub(super) len: ByteModel,
    pub(super) byte: ByteModel,
}

impl Models {
    pub(crate) fn new(layout: &Layout) -> Self {
        let components = layout.components().iter();
        let components = components.map(|component| match component.fields() {
            [] => ComponentModels::Blob(Box::default()),
            fields => ComponentModels::Fields(Box::new(column::Models::new(fields))),
        });
        Self {
            more: BitModel::default(),
            is_counted_alike: BitModel::default(),
            name: ByteModel::default(),
            number: [ByteModel::default(); 4],
            skipped: NumberModel::default(),
            is_state: BitModel::default(),
            is_hidden: BitModel::default(),
            is_delta: BitModel::default(),
            is_same_age: BitModel::default(),
            age: ByteModel::default(),
            has_earlier: BitModel::default(),
            is_same_gap: BitModel::default(),
            gap: ByteModel::default(),
            has_head: BitModel::default(),
            is_initial: BitModel::default(),
            is_dead: BitModel::default(),
            claim: ByteModel::default(),
            counter: ByteModel::default(),
            has_component: vec![BitModel::default(); layout.components().len()],
            is_restricted: BitModel::default(),
            components: components.collect(),
        }
    }
}

impl Clone for Models {
    fn clone(&self) -> Self {
        Self {
            has_component: self.has_component.clone(),
            components: self.components.clone(),
            ..*self
        }
    }

    /// Does not allocate if both are for the same layout. Every packet starts with this.
    fn clone_from(&mut self, other: &Self) {
        let mut has_component = std::mem::take(&mut self.has_component);
        let mut components = std::mem::take(&mut self.components);
        has_component.clone_from(&other.has_component);
        components.clone_from(&other.components);
        *self = Self {
            has_component,
            components,
            ..*other
        };
    }
}

impl Clone for ComponentModels {
    fn clone(&self) -> Self {
        match self {
            Self::Fields(models) => Self::Fields(models.clone()),
            Self::Blob(models) => Self::Blob(models.clone()),
        }
    }

    fn clone_from(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Fields(to), Self::Fields(from)) => (**to).clone_from(from),
            (Self::Blob(to), Self::Blob(from)) => **to = **from,
            _ => *self = other.clone(),
        }
    }
}

/// The probabilities of a byte: of each bit, given the higher ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByteModel([BitModel; 256]);

impl Default for ByteModel {
    fn default() -> Self {
        Self([BitModel::default(); 256])
    }
}

impl ByteModel {
    pub(super) fn encode(&mut self, encoder: &mut Encoder<'_>, byte: u8) {
        let mut seen = 1_u8;
        for shift in (0..8).rev() {
            let bit = byte >> shift & 1 == 1;
            self.0[usize::from(seen)].encode(encoder, bit);
            seen = seen << 1 | u8::from(bit);
        }
    }

    pub(super) fn decode(&mut self, decoder: &mut Decoder<'_>) -> u8 {
        // The highest bit of 1 is shifted out with the last bit of the byte.
        let mut seen = 1_u8;
        for _ in 0..8 {
            let bit = self.0[usize::from(seen)].decode(decoder);
            seen = seen << 1 | u8::from(bit);
        }
        seen
    }

    /// Encodes a number as its bytes without leading zeros, and before them how many there are.
    pub(super) fn encode_long(&mut self, encoder: &mut Encoder<'_>, number: u64) {
        let len = (u64::BITS - number.leading_zeros()).div_ceil(8) as usize;
        self.encode(encoder, len as u8);
        let bytes = number.to_be_bytes();
        for &byte in &bytes[bytes.len() - len..] {
            encoder.raw(byte.into(), 8);
        }
    }

    /// Decodes a number of [`encode_long`](Self::encode_long).
    pub(super) fn decode_long(&mut self, decoder: &mut Decoder<'_>) -> Option<u64> {
        let len = self.decode(decoder);
        let number = |decoder: &mut Decoder<'_>| {
            (0..len).fold(0, |number, _| number << 8 | u64::from(decoder.raw(8)))
        };
        (len <= 8).then(|| number(decoder))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_and_long_numbers_round_trip(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            numbers in prop::collection::vec(prop_oneof![0u64..300, any::<u64>()], 0..20),
        ) {
            let mut out = Vec::new();
            let mut encoder = Encoder::new(&mut out);
            let (mut byte, mut number) = (ByteModel::default(), ByteModel::default());
            bytes.iter().for_each(|&it| byte.encode(&mut encoder, it));
            numbers.iter().for_each(|&it| number.encode_long(&mut encoder, it));
            encoder.finish();
            let mut decoder = Decoder::new(&out);
            let (mut byte, mut number) = (ByteModel::default(), ByteModel::default());
            for it in bytes {
                prop_assert_eq!(byte.decode(&mut decoder), it);
            }
            for it in numbers {
                prop_assert_eq!(number.decode_long(&mut decoder), Some(it));
            }
            prop_assert!(!decoder.is_past_end());
        }
    }
}
