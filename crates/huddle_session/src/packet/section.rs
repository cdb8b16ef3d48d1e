//! The sections of a tick packet, which follow its header. Each has an id, a length and that many
//! bytes.

use bytes::{BufMut, Bytes, BytesMut};

use super::PacketError;
use crate::wire::{Reader, put_varint, varint_len};

/// Fragments of events that were not acked in time.
pub(crate) const EVENT_FRAGMENTS: u32 = 0;
/// The ack of event fragments.
pub(crate) const EVENT_ACK: u32 = 1;
/// The statuses of transfers.
pub(crate) const TRANSFER_ACKS: u32 = 2;
/// The inputs of a match, from a [`SectionSource`](crate::room::SectionSource).
pub(crate) const INPUTS: u32 = 4;
/// Replicated entities, from a [`SectionSource`](crate::room::SectionSource).
pub(crate) const SNAPSHOTS: u32 = 5;
// All other ids are reserved. A peer skips those that it does not support.

/// Writes a section made of several pieces. The caller checks that it fits.
pub(crate) fn put_section(out: &mut BytesMut, id: u32, pieces: &[&[u8]]) {
    put_varint(out, id.into());
    put_varint(out, payload_len(pieces) as u64);
    for piece in pieces {
        out.put_slice(piece);
    }
}

/// Returns the number of bytes that [`put_section`] writes.
pub(crate) fn section_len(id: u32, pieces: &[&[u8]]) -> usize {
    let len = payload_len(pieces);
    varint_len(id.into()) + varint_len(len as u64) + len
}

/// Returns the maximum payload of a section that takes at most `space` bytes.
pub(crate) fn max_payload(id: u32, space: usize) -> usize {
    let rest = space.saturating_sub(varint_len(id.into()));
    // A length of `n` bytes is at most 2^7n - 1. Three bytes suffice for the longest packet.
    (1..=3)
        .map(|n| rest.saturating_sub(n).min((1 << (7 * n)) - 1))
        .max()
        .unwrap_or(0)
}

fn payload_len(pieces: &[&[u8]]) -> usize {
    pieces.iter().map(|piece| piece.len()).sum()
}

/// The sections of a packet, which have been checked for completeness.
#[derive(Debug, Clone)]
pub(crate) struct Sections(Reader);

impl Sections {
    /// Checks that the reader contains complete sections and nothing else.
    pub(crate) fn check(reader: Reader) -> Result<Self, PacketError> {
        let mut rest = reader.clone();
        while !rest.is_empty() {
            next(&mut rest)?;
        }
        Ok(Self(reader))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Iterator for Sections {
    type Item = (u32, Bytes);

    fn next(&mut self) -> Option<Self::Item> {
        next(&mut self.0).ok()
    }
}

fn next(reader: &mut Reader) -> Result<(u32, Bytes), PacketError> {
    let id = reader.varint_u32().ok_or(PacketError::BrokenSection)?;
    let len = reader.varint().ok_or(PacketError::BrokenSection)?;
    let bytes = usize::try_from(len)
        .ok()
        .and_then(|len| reader.slice(len))
        .ok_or(PacketError::SectionTooLong(id))?;
    Ok((id, bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checked(bytes: impl Into<Bytes>) -> Result<Vec<(u32, Bytes)>, PacketError> {
        Ok(Sections::check(Reader::new(bytes.into()))?.collect())
    }

    proptest! {
        #[test]
        fn sections_round_trip_with_the_predicted_length(
            sections in prop::collection::vec(
                (any::<u32>(), prop::collection::vec(any::<u8>(), 0..300), any::<prop::sample::Index>()),
                0..10,
            ),
        ) {
            let mut out = BytesMut::new();
            let mut expected = Vec::new();
            for (id, payload, cut) in sections {
                let pieces = payload.split_at(cut.index(payload.len() + 1));
                let before = out.len();
                put_section(&mut out, id, &[pieces.0, pieces.1]);
                prop_assert_eq!(out.len() - before, section_len(id, &[&payload]));
                expected.push((id, Bytes::from(payload)));
            }
            prop_assert_eq!(checked(out), Ok(expected));
        }

        #[test]
        fn checking_random_bytes_never_panics(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let len = bytes.len();
            if let Ok(sections) = checked(bytes) {
                let payloads: usize = sections.iter().map(|(_, bytes)| bytes.len()).sum();
                prop_assert!(payloads + 2 * sections.len() <= len);
            }
        }

        #[test]
        fn max_payload_is_the_longest_that_fits(id: u32, space in 0usize..20_000) {
            let payload = vec![0; space + 1];
            let max_payload = max_payload(id, space);
            if section_len(id, &[]) <= space {
                prop_assert!(section_len(id, &[&payload[..max_payload]]) <= space);
            } else {
                prop_assert_eq!(max_payload, 0);
            }
            prop_assert!(section_len(id, &[&payload[..max_payload + 1]]) > space);
        }
    }

    #[test]
    fn section_encoding_matches_golden_bytes() {
        let mut out = BytesMut::new();
        put_section(&mut out, EVENT_ACK, &[&[7]]);
        put_section(&mut out, INPUTS, &[b"po", b"se"]);
        put_section(&mut out, 216, &[]);
        assert_eq!(out[..], [1, 1, 7, 4, 4, b'p', b'o', b's', b'e', 0xd8, 1, 0]);
        assert_eq!(section_len(INPUTS, &[&[0; 128]]), 1 + 2 + 128);
    }

    #[test]
    fn invalid_section_rejects_the_whole_packet() {
        let whole = [1, 1, 7];
        let with = |more: &[u8]| checked([&whole[..], more].concat()).unwrap_err();
        assert_eq!(with(&[16]), PacketError::BrokenSection);
        assert_eq!(with(&[16, 2, 0]), PacketError::SectionTooLong(16));
        // An id of 33 bits.
        assert_eq!(
            with(&[0xff, 0xff, 0xff, 0xff, 0x1f, 0]),
            PacketError::BrokenSection
        );
        // A length of 64 bits.
        let huge = [&[4][..], &[0xff; 9], &[1]].concat();
        assert_eq!(with(&huge), PacketError::SectionTooLong(4));
    }
}
