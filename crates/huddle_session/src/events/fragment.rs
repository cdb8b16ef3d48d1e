//! The encoding of event fragments: the body of a message on the events lane and of the repair
//! section in a tick packet.
//!
//! | part | bytes |
//! |---|---|
//! | body | number of the first fragment (varint), then fragments with consecutive numbers |
//! | fragment | `2 * length + last` (varint), then that many bytes |
//!
//! `last` is 1 in the last fragment of an event. The concatenated fragments of an event are its
//! kind (varint), then its payload.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use crate::{
    limits::{MAX_EVENT_LEN, MAX_PACKET_LEN},
    wire::{Reader, put_varint, varint_len},
};

/// The maximum length of a fragment. Two fit into a message, and one fits into a tick packet beside
/// other sections.
pub(crate) const MAX_FRAGMENT_LEN: usize = 512;

/// Errors in a peer's events or in its acks of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EventError {
    /// The fragments are truncated, or a length is invalid.
    #[error("the event fragments are truncated or contain an invalid length")]
    Truncated,
    /// The message is too long.
    #[error("{len} bytes of event fragments exceed the maximum of {max} per message")]
    MessageTooLong {
        /// The received length.
        len: usize,
        /// The maximum length.
        max: usize,
    },
    /// A fragment is empty.
    #[error("event fragment {0} is empty")]
    EmptyFragment(u64),
    /// A fragment's number is higher than the peer can have reached.
    #[error(
        "event fragment {number} is too far ahead of {expected}, the first missing one: check that both peers run the same version of bevy_huddle"
    )]
    TooFarAhead {
        /// The received number.
        number: u64,
        /// The number of the first missing fragment.
        expected: u64,
    },
    /// A reassembled event is too long.
    #[error("an event exceeds the maximum of {MAX_EVENT_LEN} bytes and is skipped")]
    EventTooLong,
    /// An event does not begin with a kind.
    #[error("an event does not begin with a kind and is skipped")]
    NoKind,
    /// An ack covers fragments that were never sent.
    #[error("the peer acks {acked} event fragments, but only {sent} were sent")]
    AckOfUnsent {
        /// The number of acked fragments.
        acked: u64,
        /// The number of sent fragments.
        sent: u64,
    },
}

/// A part of an event. The first fragment begins with the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fragment {
    pub(crate) data: Bytes,
    pub(crate) is_last: bool,
}

/// Returns the number of bytes that [`put_fragment`] writes for `len` bytes of an event.
pub(crate) const fn fragment_wire_len(len: usize) -> usize {
    varint_len(2 * len as u64) + len
}

/// Writes a fragment. In the first fragment of an event, `kind` precedes the data.
pub(crate) fn put_fragment(out: &mut BytesMut, kind: Option<u32>, data: &[u8], is_last: bool) {
    let len = kind.map_or(0, |kind| varint_len(kind.into())) + data.len();
    put_varint(out, 2 * len as u64 + u64::from(is_last));
    if let Some(kind) = kind {
        put_varint(out, kind.into());
    }
    out.extend_from_slice(data);
}

/// Decodes a body into the number of its first fragment and the fragments. All their numbers fit
/// into 64 bits.
pub(crate) fn decode(body: Bytes) -> Result<(u64, Vec<Fragment>), EventError> {
    if body.len() > MAX_PACKET_LEN {
        return Err(EventError::MessageTooLong {
            len: body.len(),
            max: MAX_PACKET_LEN,
        });
    }
    let mut reader = Reader::new(body);
    let first = reader.varint().ok_or(EventError::Truncated)?;
    let mut number = first;
    let mut fragments = Vec::new();
    while !reader.is_empty() {
        let head = reader.varint().ok_or(EventError::Truncated)?;
        let len = usize::try_from(head >> 1).map_err(|_| EventError::Truncated)?;
        if len == 0 {
            return Err(EventError::EmptyFragment(number));
        }
        fragments.push(Fragment {
            data: reader.slice(len).ok_or(EventError::Truncated)?,
            is_last: head & 1 == 1,
        });
        number = number.checked_add(1).ok_or(EventError::Truncated)?;
    }
    if fragments.is_empty() {
        return Err(EventError::Truncated);
    }
    Ok((first, fragments))
}

/// Splits a reassembled event into its kind and its payload.
pub(crate) fn split_kind(event: Bytes) -> Result<(u32, Bytes), EventError> {
    let mut reader = Reader::new(event);
    let kind = reader.varint().ok_or(EventError::NoKind)?;
    let kind = u32::try_from(kind).map_err(|_| EventError::NoKind)?;
    let payload = reader.rest();
    if payload.len() > MAX_EVENT_LEN {
        return Err(EventError::EventTooLong);
    }
    Ok((kind, payload))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn fragments_round_trip(
            first in 0..u64::MAX - 20,
            fragments in prop::collection::vec(
                (any::<Option<u32>>(), prop::collection::vec(any::<u8>(), 1..40), any::<bool>()),
                1..20,
            ),
        ) {
            let mut out = BytesMut::new();
            put_varint(&mut out, first);
            for (kind, data, is_last) in &fragments {
                let before = out.len();
                put_fragment(&mut out, *kind, data, *is_last);
                let len = kind.map_or(0, |kind| varint_len(kind.into())) + data.len();
                prop_assert_eq!(out.len() - before, fragment_wire_len(len));
            }
            let (number, decoded) = decode(out.freeze()).unwrap();
            prop_assert_eq!(number, first);
            prop_assert_eq!(decoded.len(), fragments.len());
            for (decoded, (kind, data, is_last)) in decoded.into_iter().zip(fragments) {
                prop_assert_eq!(decoded.is_last, is_last);
                match kind {
                    Some(kind) => prop_assert_eq!(split_kind(decoded.data), Ok((kind, data.into()))),
                    None => prop_assert_eq!(decoded.data, data),
                }
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode(bytes.clone().into());
            let _ = split_kind(bytes.into());
        }
    }

    #[test]
    fn decode_errors_name_the_problem() {
        let error = |bytes: &'static [u8]| decode(Bytes::from_static(bytes)).unwrap_err();
        assert_eq!(error(&[]), EventError::Truncated);
        assert_eq!(error(&[7]), EventError::Truncated);
        assert_eq!(error(&[7, 4, 1]), EventError::Truncated);
        assert_eq!(error(&[7, 3, 9, 1]), EventError::EmptyFragment(8));
        assert_eq!(
            error(&[0; MAX_PACKET_LEN + 1]),
            EventError::MessageTooLong {
                len: MAX_PACKET_LEN + 1,
                max: MAX_PACKET_LEN
            }
        );
        let mut last = BytesMut::new();
        put_varint(&mut last, u64::MAX);
        put_fragment(&mut last, None, b"x", true);
        assert_eq!(decode(last.freeze()), Err(EventError::Truncated));

        assert_eq!(split_kind(Bytes::new()), Err(EventError::NoKind));
        let beyond_u32 = [0x80, 0x80, 0x80, 0x80, 0x10];
        assert_eq!(
            split_kind(Bytes::copy_from_slice(&beyond_u32)),
            Err(EventError::NoKind)
        );
        assert_eq!(
            split_kind(vec![0; MAX_EVENT_LEN + 2].into()),
            Err(EventError::EventTooLong)
        );
    }
}
