//! Messages with numbers, and what of them has arrived: what stock clients and the scenarios say to each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How long messages are, by channel: an input, an event, and what takes several SCTP chunks.
pub const LENGTHS: [usize; 3] = [40, 300, 12_000];

/// Who gets this on any channel leaves.
pub const LEAVE: &[u8] = b"leave";

/// The lead, the channel, the number.
const HEADER: usize = 6;

/// The message with that number. Its first byte, the lead, means nothing.
///
/// # Panics
/// If there is no such channel.
pub fn message(lead: u8, channel: usize, number: u32) -> Vec<u8> {
    let mut bytes = vec![number.to_le_bytes()[0]; LENGTHS[channel]];
    bytes[0] = lead;
    bytes[1] = channel.to_le_bytes()[0];
    bytes[2..HEADER].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// What has arrived on one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// How many messages.
    pub messages: u32,
    /// How many of them were not what was sent, or were for another channel.
    pub damaged: u32,
    /// How many of them, but the first, did not have the number after the last one's.
    pub out_of_order: u32,
    /// How many of them had the lead 0xFF.
    pub led_by_ff: u32,
    /// The number of the first one.
    pub first: Option<u32>,
    next: u32,
}

impl Arrived {
    /// Takes what has arrived on that channel.
    pub fn take(&mut self, channel: usize, bytes: &[u8]) {
        self.messages += 1;
        let Some(number) = number(channel, bytes) else {
            self.damaged += 1;
            return;
        };
        self.led_by_ff += u32::from(bytes[0] == 0xFF);
        let is_first = self.first.is_none();
        self.first.get_or_insert(number);
        self.out_of_order += u32::from(!is_first && number != self.next);
        self.next = number.wrapping_add(1);
    }

    /// Whether all messages from the first to the last that arrived did so, each once and in order.
    pub fn is_whole(&self) -> bool {
        self.first.is_some() && self.damaged == 0 && self.out_of_order == 0
    }
}

/// The number of an undamaged message.
fn number(channel: usize, bytes: &[u8]) -> Option<u32> {
    let number = u32::from_le_bytes(bytes.get(2..HEADER)?.try_into().ok()?);
    (channel < LENGTHS.len() && bytes == message(bytes[0], channel, number)).then_some(number)
}

/// What a stock client says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its id, once known.
    pub me: Option<String>,
    /// Whom it has met, by id.
    pub peers: BTreeMap<String, Met>,
}

/// What a stock client knows of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// Whether they are connected now.
    pub connected: bool,
    /// How often they have been connected.
    pub times: u32,
    /// What has come from them, by channel.
    pub channels: [Arrived; LENGTHS.len()],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_in_order_is_whole() {
        let mut arrived = Arrived::default();
        assert!(!arrived.is_whole(), "nothing has arrived");
        for number in 0..300 {
            let lead = if number % 3 == 0 { 0xFF } else { 0xFE };
            arrived.take(1, &message(lead, 1, number));
        }
        assert!(arrived.is_whole());
        assert_eq!((arrived.messages, arrived.led_by_ff), (300, 100));
        assert_eq!(arrived.first, Some(0));
    }

    #[test]
    fn what_is_missing_doubled_or_swapped_is_not_whole() {
        for numbers in [[0, 2].as_slice(), &[7, 7], &[0, 1, 3, 2]] {
            let mut arrived = Arrived::default();
            for &number in numbers {
                arrived.take(0, &message(0, 0, number));
            }
            assert!(!arrived.is_whole(), "{numbers:?}");
            assert_eq!(arrived.damaged, 0);
        }
    }

    #[test]
    fn what_is_not_what_was_sent_is_damaged() {
        let whole = message(0, 2, 77_777);
        let mut changed = whole.clone();
        changed[9000] ^= 1;
        let cases: [(usize, &[u8]); 6] = [
            (2, &changed),
            (2, &whole[..whole.len() - 1]),
            (2, &[]),
            (2, &[0; 5]),
            (1, &whole),
            (3, &whole),
        ];
        for (channel, bytes) in cases {
            let mut arrived = Arrived::default();
            arrived.take(channel, bytes);
            assert_eq!((arrived.messages, arrived.damaged), (1, 1));
        }
    }
}
