//! What must hold of decoders whatever arrives: what they accept, written again, reads as the same.
//! Fuzz builds alone have this.

use bytes::{Bytes, BytesMut};

pub use crate::handshake::fuzzing::handshake;
use crate::{
    events::{EventReceiver, decode, put_fragment},
    limits::{MAX_EVENT_LEN, MAX_STATE_LEN},
    packet::{
        PacketError,
        header::Header,
        part::PartReceiver,
        section::{self, FIRST_STATE, PART, Sections},
    },
    roster::RosterMessage,
    transfer::{Message, Status},
    wire::{MAX_VARINT_LEN, Reader, put_varint, varint_len},
};

/// A tick packet.
pub fn tick_packet(bytes: Bytes) {
    let _ = packet(bytes);
}

fn packet(bytes: Bytes) -> Result<(), PacketError> {
    let tag = Header::tag(&bytes);
    let mut reader = Reader::new(bytes);
    let header = Header::take(&mut reader)?;
    assert_eq!(tag, Ok(header.tag));
    let sections = Sections::check(reader)?;

    let mut again = BytesMut::new();
    header.put(&mut again);
    let mut parts = PartReceiver::new(FIRST_STATE..FIRST_STATE + 3);
    for (seq, (id, section)) in (0..).zip(sections.clone()) {
        let before = again.len();
        section::put_section(&mut again, id, &[&section]);
        assert_eq!(again.len() - before, section::section_len(id, &[&section]));
        if id == PART
            && let Ok(Some(whole)) = parts.receive(seq, section)
        {
            assert!((1..=MAX_STATE_LEN).contains(&whole.bytes.len()));
            assert!((FIRST_STATE..FIRST_STATE + 3).contains(&whole.id));
        }
    }
    let mut reader = Reader::new(again.freeze());
    assert_eq!(Header::take(&mut reader), Ok(header));
    assert!(Sections::check(reader).is_ok_and(|again| again.eq(sections)));
    Ok(())
}

/// Fragments of events, and the events they make.
pub fn event_fragments(body: Bytes) {
    if let Ok((first, fragments)) = decode(body.clone()) {
        let mut again = BytesMut::new();
        put_varint(&mut again, first);
        for fragment in &fragments {
            put_fragment(&mut again, None, &fragment.data, fragment.is_last);
        }
        assert_eq!(decode(again.freeze()), Ok((first, fragments)));
    }
    // The same again changes nothing, and there are never more events than fragments.
    let mut receiver = EventReceiver::default();
    let received = receiver.receive(body.clone());
    let events = pop_all(&mut receiver);
    let next = receiver.ack();
    assert!(events <= next);
    assert_eq!(receiver.receive(body.clone()), received);
    assert_eq!(pop_all(&mut receiver), 0);
    assert_eq!(receiver.ack(), next);
    // On and on, so that events become too long.
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

/// A message about a transfer.
pub fn transfer(bytes: Bytes) {
    if let Ok(message) = Message::decode(bytes.clone()) {
        let again = message.encode(bytes[1]);
        assert!(again.len() <= bytes.len());
        assert_eq!(Message::decode(again), Ok(message));
    }
}

/// How transfers stand, as a section of a tick packet tells it.
pub fn transfer_statuses(section: Bytes) {
    if let Ok(statuses) = Status::decode_all(section) {
        let mut again = BytesMut::new();
        for (number, status) in &statuses {
            let before = again.len();
            status.put(&mut again, *number);
            assert_eq!(again.len() - before, status.wire_len(*number));
        }
        assert_eq!(Status::decode_all(again.freeze()), Ok(statuses));
    }
}

/// What a member tells of the room.
pub fn roster(bytes: &[u8]) {
    if let Ok(message) = RosterMessage::decode(bytes) {
        let again = message.encode().expect("what was read fits");
        assert_eq!(RosterMessage::decode(&again), Ok(message));
    }
}

/// Numbers, as many as there are.
pub fn wire(bytes: Bytes) {
    let mut reader = Reader::new(bytes);
    loop {
        let left = reader.len();
        let Some(number) = reader.varint() else {
            break;
        };
        let len = varint_len(number);
        assert!(len <= left - reader.len() && len <= MAX_VARINT_LEN);
        let mut again = BytesMut::new();
        put_varint(&mut again, number);
        assert_eq!(again.len(), len);
        assert_eq!(Reader::new(again.freeze()).varint(), Some(number));
    }
}
