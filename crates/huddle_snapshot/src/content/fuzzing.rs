//! Invariants of the exchange of large values for arbitrary calls and messages.

use std::time::Duration;

use huddle_id::PeerId;

use super::{
    ContentKey, Contents, Digest, MAX_BYTES_PER_PEER, MAX_CONTENT_LEN, Pace, Sources, WINDOW,
};
use crate::{id::EntityId, layout::ComponentId};

const PEERS: [PeerId; 3] = [
    PeerId::from_u128(1),
    PeerId::from_u128(2),
    PeerId::from_u128(3),
];

/// Makes the calls and receives the messages that the bytes describe, four bytes for each.
///
/// The open requests and the stored bytes stay bounded, and nothing is left of removed entities.
pub fn contents(bytes: &[u8]) {
    let mut contents = Contents::default();
    let mut now = Duration::ZERO;
    for step in bytes.as_chunks::<4>().0 {
        let [call, which, peer, value] = *step;
        let peer = PEERS[usize::from(peer) % PEERS.len()];
        let key = key(which);
        // Some contents are too long.
        let content = vec![value; usize::from(value) * 70];
        match call % 10 {
            0 => drop(contents.set(key, &content)),
            1 => drop(contents.expect(key, Digest::of(&content))),
            2 => contents.remove(key),
            3 => contents.remove_entity(key.entity),
            4 => contents.link_lost(peer),
            5 => contents.receive_request(peer, key),
            6 => {
                let result = contents.receive(peer, key, &content, now);
                assert_eq!(result.is_err(), content.len() > MAX_CONTENT_LEN);
            }
            7 => {
                let is_owner = value % 2 == 0;
                contents.requests(now, |_| match is_owner {
                    true => Sources::Each(PEERS.to_vec()),
                    false => Sources::Only(Some(peer)),
                });
                while contents.take_abandoned().is_some() {}
            }
            8 => {
                let pace = Pace {
                    now,
                    queued: usize::from(value) * 100,
                    bytes_per_second: 10_000,
                };
                contents.answer(peer, pace, |entity| entity.number % 3 > 0);
            }
            _ => now += Duration::from_millis(u64::from(value) * 20),
        }
        for key in contents.take_arrived() {
            assert!(contents.get(key).is_some());
        }
        for peer in PEERS {
            assert!(contents.wants.open_requests(peer) <= WINDOW);
            assert!(contents.store.bytes_from(peer) <= MAX_BYTES_PER_PEER);
        }
    }
    for which in 0..=u8::MAX {
        contents.remove_entity(key(which).entity);
    }
    assert!(contents.is_empty());
    for peer in PEERS {
        assert_eq!(contents.wants.open_requests(peer), 0);
        assert_eq!(contents.store.bytes_from(peer), 0);
    }
}

fn key(which: u8) -> ContentKey {
    ContentKey {
        entity: EntityId::placed(u32::from(which) / 4),
        component: match which % 4 {
            0 => ComponentId::LAST,
            _ => ComponentId::FIRST,
        },
    }
}
