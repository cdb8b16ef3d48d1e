//! The messages between peers: a type, a number, and zeros up to the length.

use bytes::{BufMut, Bytes, BytesMut};

/// The length of the type and the number.
const HEADER: usize = 9;

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// A request to send an echo. The number is the sender's time in nanoseconds.
    Probe(u64),
    /// The answer to a probe, with the same number.
    Echo(u64),
    /// The first message to a peer that joins.
    Hello,
    /// A part of a large transfer.
    Bulk,
    /// The number of bytes of a large transfer that have arrived.
    Ack(u64),
}

impl Message {
    /// Encodes the message with at least `len` bytes.
    pub(crate) fn encode(self, len: usize) -> Bytes {
        let (kind, number) = match self {
            Self::Probe(number) => (1, number),
            Self::Echo(number) => (2, number),
            Self::Hello => (3, 0),
            Self::Bulk => (4, 0),
            Self::Ack(number) => (5, number),
        };
        let mut bytes = BytesMut::with_capacity(len.max(HEADER));
        bytes.put_u8(kind);
        bytes.put_u64_le(number);
        bytes.resize(len.max(HEADER), 0);
        bytes.freeze()
    }

    /// Decodes a message. Returns `None` for other bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let number = u64::from_le_bytes(*rest.first_chunk()?);
        match kind {
            1 => Some(Self::Probe(number)),
            2 => Some(Self::Echo(number)),
            3 => Some(Self::Hello),
            4 => Some(Self::Bulk),
            5 => Some(Self::Ack(number)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_decoded() {
        for message in [
            Message::Probe(7),
            Message::Echo(u64::MAX),
            Message::Hello,
            Message::Bulk,
            Message::Ack(1 << 40),
        ] {
            for len in [0, 32, 1000] {
                let bytes = message.encode(len);
                assert_eq!(bytes.len(), len.max(HEADER));
                assert_eq!(Message::decode(&bytes), Some(message));
            }
        }
        assert_eq!(Message::decode(&[1; 8]), None);
        assert_eq!(Message::decode(&[9; 9]), None);
    }
}
