//! What hostile peers send, and the limits.

use proptest::prelude::*;

use super::*;

#[test]
fn contents_that_nobody_requested_are_ignored() {
    let mut bob = Contents::default();
    for number in 0..1000 {
        bob.receive(EVE, key(number), b"spam", ms(0)).unwrap();
    }
    bob.expect(key(1), Digest::of(b"map"));
    requests(&mut bob, ms(0));
    bob.receive(EVE, key(1), b"spam", ms(0)).unwrap();
    assert_eq!(bob.stats().unexpected, 1001);
    assert_eq!(bob.get(key(1)), None);
    assert_eq!(bob.store.bytes_from(EVE), 0);
}

#[test]
fn content_that_is_too_long_is_an_error() {
    let mut bob = Contents::default();
    let long = vec![0; MAX_CONTENT_LEN + 1];
    bob.expect(key(1), Digest::of(&long));
    requests(&mut bob, ms(0));
    assert_eq!(
        bob.receive(ADA, key(1), &long, ms(0)),
        Err(ContentError::TooLong(MAX_CONTENT_LEN + 1))
    );
    bob.expect(key(1), Digest::of(&long[1..]));
    assert_eq!(bob.receive(ADA, key(1), &long[1..], ms(0)), Ok(()));
}

#[test]
fn flood_of_requests_is_bounded() {
    let mut ada = Contents::default();
    ada.set(key(1), &[1; MAX_CONTENT_LEN]);
    for number in 0..1000 {
        ada.receive_request(EVE, key(number));
    }
    assert_eq!(ada.stats().refused_requests, 1000 - MAX_WAITING as u64);
    assert!(answer(&mut ada, EVE, ms(0)).is_some());
    assert_eq!(answer(&mut ada, EVE, ms(0)), None);
}

#[test]
fn peer_that_may_not_see_an_entity_receives_nothing() {
    let mut ada = Contents::default();
    ada.set(key(1), b"secret");
    ada.set(key(2), b"public");
    ada.receive_request(EVE, key(1));
    ada.receive_request(EVE, key(2));
    let may_receive = |entity| entity == key(2).entity;
    let (of, _) = ada.answer(EVE, fast(ms(0)), may_receive).unwrap();
    assert_eq!(of, key(2));
    assert_eq!(ada.answer(EVE, fast(ms(0)), may_receive), None);
    assert_eq!(ada.stats().refused_requests, 1);
    assert_eq!(ada.waiting_peers(), []);
}

#[test]
fn open_requests_to_a_peer_are_limited() {
    let mut bob = Contents::default();
    for number in 0..100 {
        bob.expect(key(number), Digest::of(b"map"));
    }
    assert_eq!(requests(&mut bob, ms(0)).len(), WINDOW);
    assert_eq!(bob.wants.open_requests(ADA), WINDOW);
    bob.receive(ADA, key(0), b"map", ms(10)).unwrap();
    assert_eq!(requests(&mut bob, ms(10)), [(ADA, key(WINDOW as u32))]);
}

#[test]
fn contents_leave_at_the_rate_and_only_into_a_short_queue() {
    let mut ada = Contents::default();
    for number in 0..10 {
        ada.set(key(number), &[1; 10_000]);
        ada.receive_request(BOB, key(number));
    }
    let mut sent = 0;
    for second in 0..4 {
        let pace = Pace {
            now: Duration::from_secs(second),
            queued: 0,
            bytes_per_second: 10_000,
        };
        while ada.answer(BOB, pace, |_| true).is_some() {
            sent += 1;
        }
    }
    assert_eq!(sent, 4);
    let mut pace = fast(Duration::from_secs(100));
    pace.queued = 7000;
    assert_eq!(ada.answer(BOB, pace, |_| true), None);
    pace.queued = 6000;
    assert!(ada.answer(BOB, pace, |_| true).is_some());
}

#[test]
fn bytes_from_a_peer_are_limited() {
    let mut bob = Contents::default();
    let count = (MAX_BYTES_PER_PEER / MAX_CONTENT_LEN) as u32 + 1;
    let mut errors = 0;
    for number in 0..count {
        let mut content = vec![0; MAX_CONTENT_LEN];
        content[..4].copy_from_slice(&number.to_le_bytes());
        bob.expect(key(number), Digest::of(&content));
        let result = bob.receive(ADA, key(number), &content, ms(0));
        errors += u32::from(result == Err(ContentError::TooMany));
        assert!(bob.store.bytes_from(ADA) <= MAX_BYTES_PER_PEER);
    }
    assert!((1..50).contains(&errors), "{errors}");
    for number in 0..count {
        bob.remove(key(number));
    }
    assert_eq!(bob.store.bytes_from(ADA), 0);
}

#[test]
fn peer_that_answers_nothing_does_not_delay_the_contents_of_others() {
    let mut bob = Contents::default();
    let of_ada = ContentKey {
        entity: EntityId::spawned(PeerId::from_u128(9), 0),
        ..key(0)
    };
    for number in 0..2000 {
        bob.expect(key(number), Digest::of(b"map"));
    }
    bob.expect(of_ada, Digest::of(b"map"));
    assert!(bob.wants.keys(of_ada.entity).eq([of_ada]), "it is the last");
    let sources = |entity| {
        let is_of_ada = entity == of_ada.entity;
        Sources::Only(Some(if is_of_ada { ADA } else { EVE }))
    };
    let mut calls = (0..10).map(|frame| bob.requests(ms(frame * 16), sources));
    assert!(calls.any(|requests| requests.contains(&(ADA, of_ada))));
    assert_eq!(bob.wants.open_requests(EVE), WINDOW);
}

#[test]
fn requests_for_removed_components_take_no_places() {
    let mut ada = Contents::default();
    for number in 0..MAX_WAITING as u32 {
        ada.set(key(number), b"map");
        ada.receive_request(BOB, key(number));
        ada.remove(key(number));
    }
    assert_eq!(answer(&mut ada, BOB, ms(0)), None);
    assert_eq!(answer(&mut ada, BOB, RETRY), None);
    // The peer requests one of them again, which comes back.
    ada.receive_request(BOB, key(7));
    assert_eq!(answer(&mut ada, BOB, RETRY + ms(16)), None);
    ada.set(key(7), b"map");
    ada.set(key(1000), b"other");
    ada.receive_request(BOB, key(1000));
    for (number, now) in [(7, RETRY * 2), (1000, RETRY * 2 + ms(16))] {
        let answer = answer(&mut ada, BOB, now);
        assert_eq!(answer.map(|(key, _)| key), Some(key(number)));
    }
    assert_eq!(ada.waiting_peers(), []);
    assert_eq!(ada.stats().refused_requests, 0);
}

#[test]
fn content_without_room_is_not_requested_until_there_is_room() {
    let mut bob = Contents::default();
    let content = |number: u32| {
        let mut content = vec![0; MAX_CONTENT_LEN];
        content[..4].copy_from_slice(&number.to_le_bytes());
        content
    };
    let mut full = None;
    for number in 0.. {
        bob.expect(key(number), Digest::of(&content(number)));
        assert_eq!(requests(&mut bob, ms(0)), [(ADA, key(number))]);
        let result = bob.receive(ADA, key(number), &content(number), ms(0));
        if result == Err(ContentError::TooMany) {
            full = Some(key(number));
            break;
        }
    }
    let full = full.unwrap();
    for second in 0..60 {
        let now = Duration::from_secs(second);
        assert_eq!(requests(&mut bob, now), [], "{second}");
        assert!(!bob.expect(full, bob.wants.digest(full).unwrap()));
    }
    assert_eq!(bob.stats().no_room, 1);
    assert_eq!(bob.wants.open_requests(ADA), 0);
    // Another content can be shorter.
    let (now, long) = (ms(60_000), content(full.entity.number));
    bob.expect(full, Digest::of(b"short"));
    assert_eq!(requests(&mut bob, now), [(ADA, full)]);
    let no_room = Err(ContentError::TooMany);
    assert_eq!(bob.receive(ADA, full, &long, now), no_room);
    assert_eq!(requests(&mut bob, now), []);
    // Another peer has its own room.
    let from_eve = bob.requests(now, |_| Sources::Only(Some(EVE)));
    assert_eq!(from_eve, [(EVE, full)]);
    bob.link_lost(EVE);
    assert_eq!(requests(&mut bob, now), [(ADA, full)]);
    assert_eq!(bob.receive(ADA, full, &long, now), no_room);
    assert_eq!(requests(&mut bob, now), []);
    bob.remove(key(0));
    assert_eq!(requests(&mut bob, ms(60_000)), [(ADA, full)]);
}

proptest! {
    #[test]
    fn arbitrary_calls_and_messages_keep_the_limits(
        bytes in prop::collection::vec(any::<u8>(), 0..1000),
    ) {
        super::super::fuzzing::contents(&bytes);
    }
}
