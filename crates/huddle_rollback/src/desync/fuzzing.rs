//! Invariants of the diagnosis for arbitrary messages.

use std::{iter, time::Duration};

use huddle_session::{MAX_EVENT_LEN, PeerId, Tick};

use super::{DesyncDetector, DesyncEvent, StateDump, dump::DumpMessage};

const TICK: Tick = Tick(7);

fn dump() -> StateDump {
    let mut dump = StateDump::new();
    for id in 0..3000 {
        dump.add("a", id, id, Some("value".to_owned()));
    }
    dump.add("b", 0, 1, None);
    dump
}

/// Receives messages from a peer whose checksum of tick 7 differs, before or after the mismatch. The length of each
/// message precedes it, in two bytes.
pub fn desync(bytes: &[u8]) {
    let Some((&first, mut bytes)) = bytes.split_first() else {
        return;
    };
    let peer = PeerId::from_u128(1);
    let mut detector = DesyncDetector::new([peer]);
    detector.add_checksum(TICK, 1);
    if first & 1 == 0 {
        detector.receive_checksum(peer, TICK, 2);
    }
    while let Some((&[high, low], rest)) = bytes.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([high, low]));
        let (message, rest) = rest.split_at(len.min(rest.len()));
        bytes = rest;
        if let Ok(message) = DumpMessage::decode(message) {
            let again = message.encode().expect("a decoded message fits");
            assert_eq!(DumpMessage::decode(&again), Ok(message));
        }
        let _ = detector.receive_dump(peer, message);
    }
    detector.receive_checksum(peer, TICK, 2);
    detector.add_checksum(TICK + 1, 1);
    while let Some(tick) = detector.next_inspection() {
        assert!(tick == TICK || tick == TICK + 1, "{tick} is not saved");
        detector.inspected(tick, dump());
    }
    detector.advance(Duration::from_secs(10));
    let messages: Vec<_> = iter::from_fn(|| detector.poll_message()).collect();
    assert!(messages.len() <= 1);
    assert!(
        messages
            .iter()
            .all(|(_, bytes)| bytes.len() + 2 <= MAX_EVENT_LEN)
    );
    let events: Vec<_> = iter::from_fn(|| detector.poll()).collect();
    let report = match &events[..] {
        [DesyncEvent::Mismatch(_), DesyncEvent::Report(report)] => report,
        // The peer claimed that its checksum is the same.
        [] => return,
        _ => panic!("{events:?}"),
    };
    assert!(!detector.is_active() && !detector.keeps(TICK));
    assert!(report.types.len() <= 64);
    for difference in &report.types {
        assert!(difference.entities.len() <= 64);
        assert!(difference.only_mine.len() <= 64 && difference.only_theirs.len() <= 64);
    }
    let text = report.to_string().replace('\n', " ");
    assert!(!text.chars().any(char::is_control));
}
