//! Numbered messages that stock clients and the scenarios exchange, and counts of the received
//! ones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The message lengths by channel: of an input, of an event, and of several SCTP chunks.
pub const LENGTHS: [usize; 3] = [40, 300, 12_000];

/// The message that makes a stock client leave, on any channel.
pub const LEAVE: &[u8] = b"leave";

/// The length of the header: the first byte, the channel, the number.
const HEADER: usize = 6;

/// Returns the message with a number. The first byte has no meaning.
///
/// # Panics
/// Panics if the channel does not exist.
pub fn message(first_byte: u8, channel: usize, number: u32) -> Vec<u8> {
    let mut bytes = vec![number.to_le_bytes()[0]; LENGTHS[channel]];
    bytes[0] = first_byte;
    bytes[1] = channel.to_le_bytes()[0];
    bytes[2..HEADER].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// Counts of the messages received on one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelCounts {
    /// The number of messages.
    pub messages: u32,
    /// The number of messages that were modified, or belong to another channel.
    pub damaged: u32,
    /// The number of messages whose number does not follow the previous one. The first does not
    /// count.
    pub out_of_order: u32,
    /// The number of messages whose first byte is 0xFF.
    pub first_byte_ff: u32,
    /// The number of the first message.
    pub first: Option<u32>,
    next: u32,
}

impl ChannelCounts {
    /// Counts a message received on a channel.
    pub fn record(&mut self, channel: usize, bytes: &[u8]) {
        self.messages += 1;
        let Some(number) = number(channel, bytes) else {
            self.damaged += 1;
            return;
        };
        self.first_byte_ff += u32::from(bytes[0] == 0xFF);
        let is_first = self.first.is_none();
        self.first.get_or_insert(number);
        self.out_of_order += u32::from(!is_first && number != self.next);
        self.next = number.wrapping_add(1);
    }

    /// Returns whether the messages from the first to the last received one arrived once and in
    /// order.
    pub fn is_complete(&self) -> bool {
        self.first.is_some() && self.damaged == 0 && self.out_of_order == 0
    }
}

/// Returns the number of an unmodified message.
fn number(channel: usize, bytes: &[u8]) -> Option<u32> {
    let number = u32::from_le_bytes(bytes.get(2..HEADER)?.try_into().ok()?);
    (channel < LENGTHS.len() && bytes == message(bytes[0], channel, number)).then_some(number)
}

/// The report of a stock client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The client's id, once known.
    pub local_id: Option<String>,
    /// The counts of each peer, by id.
    pub peers: BTreeMap<String, PeerCounts>,
}

/// A stock client's counts of one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerCounts {
    /// Whether the peer is connected.
    pub connected: bool,
    /// The number of connections so far.
    pub connections: u32,
    /// The counts of the messages received from the peer, by channel.
    pub channels: [ChannelCounts; LENGTHS.len()],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_in_order_are_complete() {
        let mut counts = ChannelCounts::default();
        assert!(!counts.is_complete(), "no message has arrived");
        for number in 0..300 {
            let first_byte = if number % 3 == 0 { 0xFF } else { 0xFE };
            counts.record(1, &message(first_byte, 1, number));
        }
        assert!(counts.is_complete());
        assert_eq!((counts.messages, counts.first_byte_ff), (300, 100));
        assert_eq!(counts.first, Some(0));
    }

    #[test]
    fn missing_duplicate_or_reordered_messages_are_not_complete() {
        for numbers in [[0, 2].as_slice(), &[7, 7], &[0, 1, 3, 2]] {
            let mut counts = ChannelCounts::default();
            for &number in numbers {
                counts.record(0, &message(0, 0, number));
            }
            assert!(!counts.is_complete(), "{numbers:?}");
            assert_eq!(counts.damaged, 0);
        }
    }

    #[test]
    fn modified_messages_are_damaged() {
        let message = message(0, 2, 77_777);
        let mut changed = message.clone();
        changed[9000] ^= 1;
        let cases: [(usize, &[u8]); 6] = [
            (2, &changed),
            (2, &message[..message.len() - 1]),
            (2, &[]),
            (2, &[0; 5]),
            (1, &message),
            (3, &message),
        ];
        for (channel, bytes) in cases {
            let mut counts = ChannelCounts::default();
            counts.record(channel, bytes);
            assert_eq!((counts.messages, counts.damaged), (1, 1));
        }
    }
}
