//! The two packets of today: all state that is due, and a run of events.
//!
//! | packet | bytes |
//! |---|---|
//! | state  | `01`, then per value: kind (4, little-endian), version (varint), length (varint), payload |
//! | events | `02`, then per event: kind (4, little-endian), length (varint), payload |

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use crate::{
    KindId, MAX_EVENT_LEN, MAX_STATE_LEN,
    wire::{Reader, put_varint, varint_len},
};

const STATE: u8 = 0x01;
const EVENTS: u8 = 0x02;

/// A packet taken apart; payloads are not looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Packet {
    State(Vec<StateEntry>),
    Events(Vec<EventEntry>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StateEntry {
    pub(crate) kind: KindId,
    pub(crate) version: u64,
    pub(crate) payload: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventEntry {
    pub(crate) kind: KindId,
    pub(crate) payload: Bytes,
}

/// Why bytes from another player are not a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PacketError {
    /// The first byte is no packet type.
    #[error(
        "there is no packet type {0:#04x}; does the other side run the same version of bevy_huddle?"
    )]
    UnknownType(u8),
    /// The packet is shorter than it says.
    #[error("the packet ends too early, or says a length that makes no sense")]
    Truncated,
    /// One message in it is longer than allowed.
    #[error("the packet holds a message of {len} bytes, more than the {max} allowed")]
    MessageTooLong {
        /// What it says.
        len: u64,
        /// What is allowed.
        max: usize,
    },
}

/// Builds one state packet within a budget.
pub(crate) struct StatePacketBuilder {
    out: BytesMut,
    budget: usize,
}

/// Builds one events packet.
pub(crate) struct EventPacketBuilder {
    out: BytesMut,
}

impl StatePacketBuilder {
    pub(crate) fn new(budget: usize) -> Self {
        let mut out = BytesMut::new();
        out.put_u8(STATE);
        Self { out, budget }
    }

    /// Adds a value if it fits; says whether it did.
    pub(crate) fn push(&mut self, kind: KindId, version: u64, payload: &[u8]) -> bool {
        let len = 4 + varint_len(version) + varint_len(payload.len() as u64) + payload.len();
        if self.out.len() + len > self.budget {
            return false;
        }
        self.out.put_u32_le(kind.0);
        put_varint(&mut self.out, version);
        put_varint(&mut self.out, payload.len() as u64);
        self.out.put_slice(payload);
        true
    }

    /// The packet, if anything is in it.
    pub(crate) fn finish(self) -> Option<Bytes> {
        (self.out.len() > 1).then(|| self.out.freeze())
    }
}

impl EventPacketBuilder {
    pub(crate) fn new() -> Self {
        let mut out = BytesMut::new();
        out.put_u8(EVENTS);
        Self { out }
    }

    /// How long the packet would be with one more event.
    pub(crate) fn len_with(&self, payload: &[u8]) -> usize {
        self.out.len() + 4 + varint_len(payload.len() as u64) + payload.len()
    }

    pub(crate) fn push(&mut self, kind: KindId, payload: &[u8]) {
        self.out.put_u32_le(kind.0);
        put_varint(&mut self.out, payload.len() as u64);
        self.out.put_slice(payload);
    }

    /// The packet, if anything is in it.
    pub(crate) fn finish(self) -> Option<Bytes> {
        (self.out.len() > 1).then(|| self.out.freeze())
    }
}

/// Takes bytes from another player apart.
pub(crate) fn decode(bytes: Bytes) -> Result<Packet, PacketError> {
    let mut reader = Reader::new(bytes);
    match reader.u8().ok_or(PacketError::Truncated)? {
        STATE => {
            let mut entries = Vec::new();
            while !reader.is_empty() {
                let kind = KindId(reader.u32().ok_or(PacketError::Truncated)?);
                let version = reader.varint().ok_or(PacketError::Truncated)?;
                let payload = payload(&mut reader, MAX_STATE_LEN)?;
                entries.push(StateEntry {
                    kind,
                    version,
                    payload,
                });
            }
            Ok(Packet::State(entries))
        }
        EVENTS => {
            let mut entries = Vec::new();
            while !reader.is_empty() {
                let kind = KindId(reader.u32().ok_or(PacketError::Truncated)?);
                let payload = payload(&mut reader, MAX_EVENT_LEN)?;
                entries.push(EventEntry { kind, payload });
            }
            Ok(Packet::Events(entries))
        }
        other => Err(PacketError::UnknownType(other)),
    }
}

fn payload(reader: &mut Reader, max: usize) -> Result<Bytes, PacketError> {
    let len = reader.varint().ok_or(PacketError::Truncated)?;
    match usize::try_from(len) {
        Ok(fits) if fits <= max => reader.slice(fits).ok_or(PacketError::Truncated),
        _ => Err(PacketError::MessageTooLong { len, max }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payload_bytes() -> impl Strategy<Value = Bytes> {
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from)
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(Bytes::from(bytes.clone()));
            if let Some(first) = bytes.first_mut() {
                *first = 1 + *first % 2;
            }
            let _ = decode(Bytes::from(bytes));
        }

        #[test]
        fn state_comes_back(
            entries in prop::collection::vec((any::<u32>(), any::<u64>(), payload_bytes()), 0..20),
        ) {
            let mut builder = StatePacketBuilder::new(usize::MAX);
            let mut sent = Vec::new();
            for (kind, version, payload) in entries {
                prop_assert!(builder.push(KindId(kind), version, &payload));
                sent.push(StateEntry { kind: KindId(kind), version, payload });
            }
            match builder.finish() {
                Some(bytes) => prop_assert_eq!(decode(bytes), Ok(Packet::State(sent))),
                None => prop_assert!(sent.is_empty()),
            }
        }

        #[test]
        fn events_come_back_in_the_length_foretold(
            entries in prop::collection::vec((any::<u32>(), payload_bytes()), 1..20),
        ) {
            let mut builder = EventPacketBuilder::new();
            let mut sent = Vec::new();
            let mut foretold = 0;
            for (kind, payload) in entries {
                foretold = builder.len_with(&payload);
                builder.push(KindId(kind), &payload);
                sent.push(EventEntry { kind: KindId(kind), payload });
            }
            let bytes = builder.finish().unwrap();
            prop_assert_eq!(bytes.len(), foretold);
            prop_assert_eq!(decode(bytes), Ok(Packet::Events(sent)));
        }

        #[test]
        fn a_state_packet_keeps_within_its_budget(
            budget in 1usize..500,
            payloads in prop::collection::vec(payload_bytes(), 1..10),
        ) {
            let mut builder = StatePacketBuilder::new(budget);
            for payload in &payloads {
                builder.push(KindId(1), 1, payload);
            }
            if let Some(bytes) = builder.finish() {
                prop_assert!(bytes.len() <= budget);
            }
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |bytes: &'static [u8]| decode(Bytes::from_static(bytes)).unwrap_err();
        assert_eq!(error(&[]), PacketError::Truncated);
        assert_eq!(error(&[0x77, 1, 2]), PacketError::UnknownType(0x77));
        assert_eq!(error(&[EVENTS, 1, 2, 3, 4, 5, 0]), PacketError::Truncated);
        assert_eq!(
            error(&[EVENTS, 1, 2, 3, 4, 0x81, 0x40]),
            PacketError::MessageTooLong {
                len: 8193,
                max: MAX_EVENT_LEN
            }
        );
        assert_eq!(
            error(&[STATE, 1, 2, 3, 4, 1, 0x81, 0x08]),
            PacketError::MessageTooLong {
                len: 1025,
                max: MAX_STATE_LEN
            }
        );
    }

    #[test]
    fn a_reserved_first_byte_is_never_sent() {
        let (state, events) = (
            StatePacketBuilder::new(9).out,
            EventPacketBuilder::new().out,
        );
        assert!(state[0] < 0xf0 && events[0] < 0xf0);
    }
}
