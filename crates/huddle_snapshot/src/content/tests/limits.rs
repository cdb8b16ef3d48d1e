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

proptest! {
    #[test]
    fn arbitrary_calls_and_messages_keep_the_limits(
        bytes in prop::collection::vec(any::<u8>(), 0..1000),
    ) {
        super::super::fuzzing::contents(&bytes);
    }
}
