//! What must hold of questions and answers whatever arrives.

use std::time::Duration;

use huddle_session::{MAX_EVENT_LEN, PeerId, Tick, codec};

use super::{Inquiries, Mismatch, Witness, message::Message};

struct World;

impl Witness for World {
    fn types(&self, tick: Tick) -> Option<Vec<(String, u64)>> {
        (tick == Tick(7)).then(|| vec![("a".to_owned(), 1), ("b".to_owned(), 2)])
    }

    fn entities(&self, _: Tick, name: &str) -> Option<Vec<(u64, u64)>> {
        Some(
            (0..u64::from(name == "a") * 5000)
                .map(|id| (id, id))
                .collect(),
        )
    }

    fn value(&self, _: Tick, _: &str, entity: u64) -> Option<Vec<u8>> {
        (entity < 5000).then(|| vec![1; 2000])
    }
}

/// Messages to a player who asks what differs; each has its length in its first byte.
pub fn desync(mut bytes: &[u8]) {
    let peer: PeerId = codec::decode(&[&[16][..], &[1; 16]].concat(), 17).expect("an id");
    let mut side = Inquiries::default();
    side.begin(Mismatch {
        peer,
        tick: Tick(7),
        mine: 1,
        theirs: 2,
    });
    let mut now = Duration::ZERO;
    while let Some((&len, rest)) = bytes.split_first() {
        let (message, rest) = rest.split_at(usize::from(len).min(rest.len()));
        bytes = rest;
        if let Ok(message) = Message::decode(message) {
            let again = message.encode().expect("what was read fits");
            assert_eq!(Message::decode(&again), Ok(message));
        }
        let _ = side.receive(peer, message, &World);
        let sent: Vec<_> = std::iter::from_fn(|| side.collect()).collect();
        assert!(sent.len() <= 2);
        for (to, bytes) in sent {
            assert!(to == peer && bytes.len() <= MAX_EVENT_LEN);
            assert!(Message::decode(&bytes).is_ok());
        }
        now += Duration::from_millis(100);
        side.advance(now);
    }
    side.advance(now + Duration::from_secs(10));
    let report = side.poll().expect("a report within the limit");
    assert!(report.types.len() <= 64 && side.poll().is_none());
    for difference in &report.types {
        assert!(difference.entities.len() <= 64);
        assert!(difference.only_mine.len() <= 64 && difference.only_theirs.len() <= 64);
    }
    let told = report.to_string().replace('\n', " ");
    assert!(!told.chars().any(char::is_control));
}
