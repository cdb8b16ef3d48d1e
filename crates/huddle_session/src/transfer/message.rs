//! The encoding of transfers: messages on the bulk lane, and the statuses that answer them in a
//! section of tick packets.
//!
//! | message | bytes after the tag |
//! |---|---|
//! | `0x30` offer | number (varint), length (varint), label (UTF-8, to the end) |
//! | `0x31` chunk | number (varint), offset (varint), bytes of the stream (to the end) |
//! | `0x32` cancel | number (varint) |
//!
//! The stream of a transfer is its bytes, then the 32 bytes of their BLAKE3 hash.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use crate::{
    limits::MAX_PACKET_LEN,
    wire::{Reader, put_varint, varint_len},
};

const OFFER: u8 = 0x30;
const CHUNK: u8 = 0x31;
const CANCEL: u8 = 0x32;

/// The maximum length of a transfer's label, in bytes.
pub(crate) const MAX_LABEL_LEN: usize = 128;

/// The maximum number of stream bytes in one chunk.
pub(crate) const MAX_CHUNK_LEN: usize = 1024;

/// The length of the hash at the end of a stream, in bytes.
pub(crate) const HASH_LEN: usize = blake3::OUT_LEN;

/// Errors in a message or a status of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TransferPacketError {
    /// The first byte is not a transfer message type.
    #[error(
        "unknown transfer message type {0:#04x}: check that both peers run the same version of bevy_huddle"
    )]
    UnknownType(u8),
    /// The message is truncated or too long.
    #[error("the transfer message is truncated or too long")]
    Length,
    /// The label is too long or not UTF-8.
    #[error("the label of an offered transfer is not UTF-8 of at most {MAX_LABEL_LEN} bytes")]
    BadLabel,
    /// A chunk exceeds the offered length.
    #[error("a chunk of transfer {0} exceeds the offered length")]
    Overrun(u64),
    /// The status code is unknown.
    #[error(
        "unknown transfer status {0}: check that both peers run the same version of bevy_huddle"
    )]
    UnknownStatus(u8),
    /// A status of a transfer that was never offered, or of bytes that were never sent.
    #[error("the peer sent an impossible status for transfer {0}")]
    ImpossibleStatus(u64),
}

/// A message of the sender on the bulk lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Offer {
        number: u64,
        /// The length without the hash.
        len: u64,
        label: String,
    },
    Chunk {
        number: u64,
        offset: u64,
        data: Bytes,
    },
    Cancel {
        number: u64,
    },
}

impl Message {
    pub(crate) fn encode(&self, tag: u8) -> Bytes {
        let mut out = BytesMut::new();
        match self {
            Self::Offer { number, len, label } => {
                out.put_slice(&[OFFER, tag]);
                put_varint(&mut out, *number);
                put_varint(&mut out, *len);
                out.put_slice(label.as_bytes());
            }
            Self::Chunk {
                number,
                offset,
                data,
            } => {
                out.reserve(Self::chunk_len(*number, *offset, data.len()));
                out.put_slice(&[CHUNK, tag]);
                put_varint(&mut out, *number);
                put_varint(&mut out, *offset);
                out.put_slice(data);
            }
            Self::Cancel { number } => {
                out.put_slice(&[CANCEL, tag]);
                put_varint(&mut out, *number);
            }
        }
        out.freeze()
    }

    /// Returns the length of a chunk's message.
    pub(crate) const fn chunk_len(number: u64, offset: u64, len: usize) -> usize {
        2 + varint_len(number) + varint_len(offset) + len
    }

    /// Decodes a message including its tag.
    pub(crate) fn decode(bytes: Bytes) -> Result<Self, TransferPacketError> {
        use TransferPacketError::{BadLabel, Length, UnknownType};
        if bytes.len() > MAX_PACKET_LEN {
            return Err(Length);
        }
        let mut reader = Reader::new(bytes);
        let kind = reader.u8().ok_or(Length)?;
        reader.u8().ok_or(Length)?;
        let number = reader.varint().ok_or(Length)?;
        match kind {
            OFFER => {
                let len = reader.varint().ok_or(Length)?;
                let label = reader.rest();
                if label.len() > MAX_LABEL_LEN {
                    return Err(BadLabel);
                }
                let label = String::from_utf8(label.into()).map_err(|_| BadLabel)?;
                Ok(Self::Offer { number, len, label })
            }
            CHUNK => Ok(Self::Chunk {
                number,
                offset: reader.varint().ok_or(Length)?,
                data: reader.rest(),
            }),
            CANCEL if reader.is_empty() => Ok(Self::Cancel { number }),
            CANCEL => Err(Length),
            other => Err(UnknownType(other)),
        }
    }
}

/// The status of a transfer at the receiver.
///
/// In the section of a tick packet, each status has a number (varint) and a code (1 byte). The
/// codes 0 and 3 are followed by a value (varint).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// The receiver has accepted the transfer. The stream up to this offset has arrived.
    Receiving(u64),
    /// The receiver has too many active transfers. The sender offers this one again.
    Wait,
    /// Complete, and the hash is correct.
    Done,
    /// Refused, because it exceeds this maximum length in bytes.
    TooLong(u64),
    /// Refused, because the receiver accepts no transfers.
    Disabled,
    /// Cancelled by either peer.
    Cancelled,
    /// Complete, but the hash is wrong.
    Corrupt,
    /// Unknown or forgotten.
    Unknown,
}

impl Status {
    const fn code(self) -> (u8, Option<u64>) {
        match self {
            Self::Receiving(offset) => (0, Some(offset)),
            Self::Wait => (1, None),
            Self::Done => (2, None),
            Self::TooLong(max) => (3, Some(max)),
            Self::Disabled => (4, None),
            Self::Cancelled => (5, None),
            Self::Corrupt => (6, None),
            Self::Unknown => (7, None),
        }
    }

    pub(crate) fn wire_len(self, number: u64) -> usize {
        varint_len(number) + 1 + self.code().1.map_or(0, varint_len)
    }

    pub(crate) fn put(self, out: &mut BytesMut, number: u64) {
        let (code, value) = self.code();
        put_varint(out, number);
        out.put_u8(code);
        if let Some(value) = value {
            put_varint(out, value);
        }
    }

    /// Decodes a section of statuses.
    pub(crate) fn decode_all(section: Bytes) -> Result<Vec<(u64, Self)>, TransferPacketError> {
        use TransferPacketError::{Length, UnknownStatus};
        if section.len() > MAX_PACKET_LEN {
            return Err(Length);
        }
        let mut reader = Reader::new(section);
        let mut statuses = Vec::new();
        while !reader.is_empty() {
            let number = reader.varint().ok_or(Length)?;
            let status = match reader.u8().ok_or(Length)? {
                0 => Self::Receiving(reader.varint().ok_or(Length)?),
                1 => Self::Wait,
                2 => Self::Done,
                3 => Self::TooLong(reader.varint().ok_or(Length)?),
                4 => Self::Disabled,
                5 => Self::Cancelled,
                6 => Self::Corrupt,
                7 => Self::Unknown,
                other => return Err(UnknownStatus(other)),
            };
            statuses.push((number, status));
        }
        Ok(statuses)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message() -> impl Strategy<Value = Message> {
        prop_oneof![
            (any::<u64>(), any::<u64>(), "[a-zß]{0,64}")
                .prop_map(|(number, len, label)| { Message::Offer { number, len, label } }),
            (
                any::<u64>(),
                any::<u64>(),
                prop::collection::vec(any::<u8>(), 0..MAX_CHUNK_LEN)
            )
                .prop_map(|(number, offset, data)| Message::Chunk {
                    number,
                    offset,
                    data: data.into()
                }),
            any::<u64>().prop_map(|number| Message::Cancel { number }),
        ]
    }

    fn status() -> impl Strategy<Value = Status> {
        prop_oneof![
            any::<u64>().prop_map(Status::Receiving),
            any::<u64>().prop_map(Status::TooLong),
            Just(Status::Wait),
            Just(Status::Done),
            Just(Status::Disabled),
            Just(Status::Cancelled),
            Just(Status::Corrupt),
            Just(Status::Unknown),
        ]
    }

    proptest! {
        #[test]
        fn messages_round_trip(message in message(), tag: u8) {
            let bytes = message.encode(tag);
            prop_assert!(bytes.len() <= MAX_PACKET_LEN);
            prop_assert_eq!(bytes[1], tag);
            if let Message::Chunk { number, offset, data } = &message {
                prop_assert_eq!(bytes.len(), Message::chunk_len(*number, *offset, data.len()));
            }
            prop_assert_eq!(Message::decode(bytes), Ok(message));
        }

        #[test]
        fn statuses_round_trip(statuses in prop::collection::vec((any::<u64>(), status()), 0..40)) {
            let mut out = BytesMut::new();
            for (number, status) in &statuses {
                let before = out.len();
                status.put(&mut out, *number);
                prop_assert_eq!(out.len() - before, status.wire_len(*number));
            }
            prop_assert_eq!(Status::decode_all(out.freeze()), Ok(statuses));
        }

        #[test]
        fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Status::decode_all(bytes.clone().into());
            let _ = Message::decode(bytes.clone().into());
            if let Some(first) = bytes.first_mut() {
                *first = OFFER + *first % 3;
            }
            let _ = Message::decode(bytes.into());
        }
    }

    #[test]
    fn encoding_matches_golden_bytes() {
        let label = "map".to_owned();
        let (number, len) = (1, 300);
        assert_eq!(
            Message::Offer { number, len, label }.encode(0xAB).as_ref(),
            b"\x30\xab\x01\xac\x02map"
        );
        let data = Bytes::from_static(b"xyz");
        let chunk = Message::Chunk {
            number,
            offset: 1024,
            data,
        };
        assert_eq!(chunk.encode(0xAB).as_ref(), b"\x31\xab\x01\x80\x08xyz");
        let cancel = Message::Cancel { number: 5 };
        assert_eq!(cancel.encode(0xAB).as_ref(), b"\x32\xab\x05");

        let mut out = BytesMut::new();
        for (number, status) in [
            Status::Receiving(300),
            Status::Wait,
            Status::Done,
            Status::TooLong(128),
            Status::Disabled,
            Status::Cancelled,
            Status::Corrupt,
            Status::Unknown,
        ]
        .into_iter()
        .enumerate()
        {
            status.put(&mut out, number as u64);
        }
        assert_eq!(
            out.as_ref(),
            b"\0\0\xac\x02\x01\x01\x02\x02\x03\x03\x80\x01\x04\x04\x05\x05\x06\x06\x07\x07"
        );
    }

    #[test]
    fn decode_errors_name_the_problem() {
        let error = |bytes: &[u8]| Message::decode(Bytes::copy_from_slice(bytes)).unwrap_err();
        assert_eq!(error(&[]), TransferPacketError::Length);
        assert_eq!(error(&[OFFER, 0]), TransferPacketError::Length);
        assert_eq!(error(&[OFFER, 0, 1]), TransferPacketError::Length);
        assert_eq!(error(&[CANCEL, 0, 1, 1]), TransferPacketError::Length);
        assert_eq!(error(&[0x3f, 0, 1]), TransferPacketError::UnknownType(0x3f));
        assert_eq!(
            error(&[OFFER, 0, 1, 1, 0xff]),
            TransferPacketError::BadLabel
        );
        let mut long = vec![b'a'; 4 + MAX_LABEL_LEN + 1];
        long[..4].copy_from_slice(&[OFFER, 0, 1, 1]);
        assert_eq!(error(&long), TransferPacketError::BadLabel);
        let mut long = vec![0; MAX_PACKET_LEN + 1];
        long[0] = CHUNK;
        assert_eq!(error(&long), TransferPacketError::Length);

        let error = |bytes: &'static [u8]| Status::decode_all(Bytes::from_static(bytes));
        assert_eq!(error(&[1]), Err(TransferPacketError::Length));
        assert_eq!(error(&[1, 0]), Err(TransferPacketError::Length));
        assert_eq!(error(&[1, 8]), Err(TransferPacketError::UnknownStatus(8)));
    }
}
