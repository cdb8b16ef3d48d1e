//! The messages on a TCP or TLS connection to a TURN server (RFC 8656, section 12.5).
//!
//! Each message starts with its own length, so nothing separates them. Channel data is padded to a
//! multiple of 4 bytes.

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// The maximum length of a message, which is also the length of the `webrtc` crate's receive buffer
/// for a datagram. No link sends longer ones.
const MAX_MESSAGE: usize = 2000;
/// The length of the header that contains a message's length and, for STUN, the magic cookie.
const STUN_START: usize = 8;
const STUN_HEADER: usize = 20;
const STUN_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const CHANNEL_HEADER: usize = 4;

/// Why a byte stream cannot be that of a TURN server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum FramingError {
    #[error("it sends data that is not TURN")]
    NotTurn,
}

/// Splits the byte stream of a TURN server into messages. Stores at most one incomplete message.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    buffer: BytesMut,
    /// The number of bytes to ignore: the rest of a message that is too long, or padding.
    ignored: usize,
}

impl Decoder {
    /// Adds received bytes. The caller then takes all messages with [`next`](Self::next).
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        let ignored = self.ignored.min(bytes.len());
        self.ignored -= ignored;
        bytes = &bytes[ignored..];
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next complete message, without padding.
    ///
    /// Ignores messages that are longer than a link sends. A TURN server relays datagrams of any
    /// length from other machines, and they must not end the connection.
    ///
    /// # Errors
    /// Returns an error if the next bytes are not a message. The start of the following message is
    /// then unknown, so the connection cannot be used any more.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, FramingError> {
        loop {
            let Some(length) = length(&self.buffer)? else {
                return Ok(None);
            };
            let padded = length.next_multiple_of(4);
            if length > MAX_MESSAGE {
                self.ignore(padded);
                continue;
            }
            if self.buffer.len() < length {
                return Ok(None);
            }
            let message = self.buffer.split_to(length).freeze();
            self.ignore(padded - length);
            return Ok(Some(message));
        }
    }

    /// Removes the next `count` bytes, including those that have not been received yet.
    fn ignore(&mut self, count: usize) {
        let received = count.min(self.buffer.len());
        self.buffer.advance(received);
        self.ignored = count - received;
    }
}

/// Returns the length of the message at the start of `bytes`, or `None` if its start is incomplete.
fn length(bytes: &[u8]) -> Result<Option<usize>, FramingError> {
    let Some([first, _, high, low]) = bytes.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    match first {
        0x00..=0x3F => {
            if !length.is_multiple_of(4) {
                return Err(FramingError::NotTurn);
            }
            let Some(start) = bytes.first_chunk::<STUN_START>() else {
                return Ok(None);
            };
            if start[4..] != STUN_COOKIE {
                return Err(FramingError::NotTurn);
            }
            Ok(Some(STUN_HEADER + length))
        }
        0x40..=0x4F => Ok(Some(CHANNEL_HEADER + length)),
        _ => Err(FramingError::NotTurn),
    }
}

/// Appends a datagram for a TURN server to the bytes for its connection.
pub(super) fn encode(datagram: &[u8], into: &mut BytesMut) {
    into.extend_from_slice(datagram);
    // Only channel data has another length.
    into.resize(into.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn stun(body: usize) -> Vec<u8> {
        let mut message = vec![0x01, 0x13];
        message.extend_from_slice(&(body as u16).to_be_bytes());
        message.extend_from_slice(&STUN_COOKIE);
        message.resize(STUN_HEADER + body, 7);
        message
    }

    fn channel_data(data: usize) -> Vec<u8> {
        let mut message = vec![0x40, 0x01];
        message.extend_from_slice(&(data as u16).to_be_bytes());
        message.resize(CHANNEL_HEADER + data, 9);
        message
    }

    fn decode(decoder: &mut Decoder, bytes: &[u8]) -> Result<Vec<Vec<u8>>, FramingError> {
        decoder.push(bytes);
        let mut messages = Vec::new();
        while let Some(message) = decoder.next()? {
            messages.push(message.to_vec());
        }
        Ok(messages)
    }

    #[test]
    fn channel_data_is_padded_on_the_wire_only() {
        let mut wire = BytesMut::new();
        for message in [channel_data(5), channel_data(0), stun(8)] {
            encode(&message, &mut wire);
        }
        assert_eq!(wire.len(), 12 + 4 + 28);
        let messages = decode(&mut Decoder::default(), &wire).unwrap();
        assert_eq!(messages, [channel_data(5), channel_data(0), stun(8)]);
    }

    #[test]
    fn long_messages_are_ignored_and_not_stored() {
        let mut wire = BytesMut::new();
        encode(&channel_data(65_535), &mut wire);
        encode(&stun(65_532), &mut wire);
        encode(&channel_data(3), &mut wire);
        let mut decoder = Decoder::default();
        let mut messages = Vec::new();
        for part in wire.chunks(1000) {
            messages.extend(decode(&mut decoder, part).unwrap());
            assert!(decoder.buffer.len() < STUN_START);
        }
        assert_eq!(messages, [channel_data(3)]);
    }

    #[test]
    fn data_of_other_protocols_is_an_error() {
        for bytes in [
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
            b"SSH-2.0-OpenSSH_9.2p1\r\n",
            &[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46, 0x00],
            &[0x80, 0, 0, 0],
            &[0x50, 0, 0, 0],
            &[0; 20],
        ] {
            let result = decode(&mut Decoder::default(), bytes);
            assert_eq!(result, Err(FramingError::NotTurn), "{bytes:?}");
        }
    }

    fn message() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            (0..100_usize).prop_map(|words| stun(words * 4)),
            (0..1500_usize).prop_map(channel_data),
        ]
    }

    proptest! {
        #[test]
        fn messages_survive_any_split(
            messages in vec(message(), 0..8),
            lengths in vec(1..700_usize, 1..40),
        ) {
            let mut wire = BytesMut::new();
            for message in &messages {
                encode(message, &mut wire);
            }
            let mut decoder = Decoder::default();
            let mut decoded = Vec::new();
            for length in lengths.iter().cycle() {
                if wire.is_empty() {
                    break;
                }
                let part = wire.split_to(wire.len().min(*length));
                decoded.extend(decode(&mut decoder, &part).unwrap());
            }
            prop_assert_eq!(decoded, messages);
        }

        #[test]
        fn hostile_bytes_never_fill_the_memory(parts in vec(vec(any::<u8>(), 0..300), 0..20)) {
            let mut decoder = Decoder::default();
            for part in parts {
                let Ok(messages) = decode(&mut decoder, &part) else { break };
                prop_assert!(messages.iter().all(|message| message.len() <= MAX_MESSAGE));
                prop_assert!(decoder.buffer.len() < MAX_MESSAGE);
            }
        }
    }
}
