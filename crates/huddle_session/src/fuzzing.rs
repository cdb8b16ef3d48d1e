//! Invariants of the decoders that must hold for any input, compiled only for fuzzing.
//!
//! A value that a decoder accepts has to decode to the same value after it was encoded again.

use bytes::{Bytes, BytesMut};

pub use crate::handshake::fuzzing::handshake;
use crate::{
    events::{EventReceiver, decode, put_fragment},
    limits::MAX_EVENT_LEN,
    packet::{
        PacketError,
        header::Header,
        section::{self, Sections},
    },
    roster::RosterMessage,
    transfer::{Message, Status},
    wire::{MAX_VARINT_LEN, Reader, put_varint, varint_len},
};

/// Checks that a decoded tick packet survives another round trip.
pub fn tick_packet(bytes: Bytes) {
    let _ = packet(bytes);
}

fn packet(bytes: Bytes) -> Result<(), PacketError> {
    let tag = Header::tag(&bytes);
    let mut reader = Reader::new(bytes);
    let header = Header::take(&mut reader)?;
    assert_eq!(tag, Ok(header.tag));
    let sections = Sections::check(reader)?;

    let mut encoded = BytesMut::new();
    header.put(&mut encoded);
    for (id, section) in sections.clone() {
        let before = encoded.len();
        section::put_section(&mut encoded, id, &[&section]);
        assert_eq!(
            encoded.len() - before,
            section::section_len(id, &[&section])
        );
    }
    let mut reader = Reader::new(encoded.freeze());
    assert_eq!(Header::take(&mut reader), Ok(header));
    assert!(Sections::check(reader).is_ok_and(|decoded| decoded.eq(sections)));
    Ok(())
}

/// Checks that decoded event fragments survive another round trip, that a receiver handles
/// duplicates, and that its events are bounded.
pub fn event_fragments(body: Bytes) {
    if let Ok((first, fragments)) = decode(body.clone()) {
        let mut encoded = BytesMut::new();
        put_varint(&mut encoded, first);
        for fragment in &fragments {
            put_fragment(&mut encoded, None, &fragment.data, fragment.is_last);
        }
        assert_eq!(decode(encoded.freeze()), Ok((first, fragments)));
    }
    // A duplicate has no effect, and there are never more events than fragments.
    let mut receiver = EventReceiver::default();
    let received = receiver.receive(body.clone());
    let events = pop_all(&mut receiver);
    let next = receiver.ack();
    assert!(events <= next);
    assert_eq!(receiver.receive(body.clone()), received);
    assert_eq!(pop_all(&mut receiver), 0);
    assert_eq!(receiver.ack(), next);
    // Repeating the fragments makes events exceed the maximum length.
    let mut receiver = EventReceiver::default();
    for _ in 0..80 {
        let Ok((_, fragments)) = decode(body.clone()) else {
            return;
        };
        let mut next = BytesMut::new();
        put_varint(&mut next, receiver.ack());
        for fragment in fragments {
            put_fragment(&mut next, None, &fragment.data, fragment.is_last);
        }
        if receiver.receive(next.freeze()).is_err() {
            return;
        }
        pop_all(&mut receiver);
    }
}

fn pop_all(receiver: &mut EventReceiver) -> u64 {
    let mut events = 0;
    while let Some(event) = receiver.pop() {
        events += 1;
        if let Ok((_, payload)) = event {
            assert!(payload.len() <= MAX_EVENT_LEN);
        }
    }
    events
}

/// Checks that a decoded transfer message survives another round trip.
pub fn transfer(bytes: Bytes) {
    if let Ok(message) = Message::decode(bytes.clone()) {
        let encoded = message.encode(bytes[1]);
        assert!(encoded.len() <= bytes.len());
        assert_eq!(Message::decode(encoded), Ok(message));
    }
}

/// Checks that the decoded transfer statuses of a tick packet survive another round trip.
pub fn transfer_statuses(section: Bytes) {
    if let Ok(statuses) = Status::decode_all(section) {
        let mut encoded = BytesMut::new();
        for (number, status) in &statuses {
            let before = encoded.len();
            status.put(&mut encoded, *number);
            assert_eq!(encoded.len() - before, status.wire_len(*number));
        }
        assert_eq!(Status::decode_all(encoded.freeze()), Ok(statuses));
    }
}

/// Checks that a decoded roster message survives another round trip.
pub fn roster(bytes: &[u8]) {
    if let Ok(message) = RosterMessage::decode(bytes) {
        let encoded = message.encode().expect("a decoded message fits");
        assert_eq!(RosterMessage::decode(&encoded), Ok(message));
    }
}

/// Checks that all decoded varints survive another round trip.
pub fn wire(bytes: Bytes) {
    let mut reader = Reader::new(bytes);
    loop {
        let left = reader.len();
        let Some(number) = reader.varint() else {
            break;
        };
        let len = varint_len(number);
        assert!(len <= left - reader.len() && len <= MAX_VARINT_LEN);
        let mut encoded = BytesMut::new();
        put_varint(&mut encoded, number);
        assert_eq!(encoded.len(), len);
        assert_eq!(Reader::new(encoded.freeze()).varint(), Some(number));
    }
}
