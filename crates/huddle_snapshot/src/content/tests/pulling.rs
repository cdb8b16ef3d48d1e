//! Requests and answers between two peers.

use super::*;

#[test]
fn content_is_requested_once_and_arrives() {
    let (mut ada, mut bob) = (Contents::default(), Contents::default());
    let digest = ada.set(key(1), b"map");
    assert!(!bob.expect(key(1), digest));
    assert_eq!(requests(&mut bob, ms(0)), [(ADA, key(1))]);
    assert_eq!(requests(&mut bob, ms(100)), [], "the request is open");
    ada.receive_request(BOB, key(1));
    ada.receive_request(BOB, key(1));
    let (of, content) = answer(&mut ada, BOB, ms(100)).unwrap();
    assert_eq!(
        answer(&mut ada, BOB, ms(200)),
        None,
        "both requests have one answer"
    );
    bob.receive(ADA, of, &content, ms(100)).unwrap();
    assert_eq!(bob.take_arrived(), BTreeSet::from([key(1)]));
    assert_eq!(bob.take_arrived(), BTreeSet::new());
    assert_eq!(bob.get(key(1)).unwrap()[..], b"map"[..]);
    assert!(bob.expect(key(1), digest), "the record was repeated");
    assert_eq!(requests(&mut bob, ms(9000)), []);
}

#[test]
fn request_without_an_answer_is_repeated() {
    let mut bob = Contents::default();
    bob.expect(key(1), Digest::of(b"map"));
    assert_eq!(requests(&mut bob, ms(0)).len(), 1);
    assert_eq!(requests(&mut bob, RETRY - ms(1)), []);
    assert_eq!(requests(&mut bob, RETRY).len(), 1);
    bob.link_lost(ADA);
    assert_eq!(requests(&mut bob, RETRY).len(), 1, "the link is new");
}

#[test]
fn request_goes_to_the_new_owner_at_once() {
    let mut bob = Contents::default();
    bob.expect(key(1), Digest::of(b"map"));
    assert_eq!(requests(&mut bob, ms(0)), [(ADA, key(1))]);
    let from_eve = bob.requests(ms(1), |_| Sources::Only(Some(EVE)));
    assert_eq!(from_eve, [(EVE, key(1))]);
    bob.receive(ADA, key(1), b"older", ms(2)).unwrap();
    assert_eq!(bob.get(key(1)), None, "Ada is no longer asked");
    assert_eq!(bob.stats().unexpected, 1);
    bob.receive(ADA, key(1), b"map", ms(3)).unwrap();
    assert!(
        bob.get(key(1)).is_some(),
        "the digest proves that it is right"
    );
}

#[test]
fn content_that_differs_from_the_record_counts_and_is_requested_again() {
    let mut bob = Contents::default();
    bob.expect(key(1), Digest::of(b"two"));
    requests(&mut bob, ms(0));
    bob.receive(ADA, key(1), b"three", ms(50)).unwrap();
    assert_eq!(bob.get(key(1)).unwrap()[..], b"three"[..]);
    assert_eq!(requests(&mut bob, ms(60)).len(), 1, "at once");
    bob.receive(ADA, key(1), b"three", ms(100)).unwrap();
    assert_eq!(bob.take_arrived().len(), 1);
    assert_eq!(requests(&mut bob, ms(110)), [], "the record is on its way");
    assert!(bob.expect(key(1), Digest::of(b"three")));
    assert_eq!(bob.take_arrived().len(), 0);
    assert_eq!(requests(&mut bob, ms(9000)), []);
}

#[test]
fn record_of_an_older_content_does_not_flood_the_owner_with_requests() {
    let mut bob = Contents::default();
    bob.expect(key(1), Digest::of(b"two"));
    let mut count = 0;
    for frame in 0..600 {
        let now = ms(frame * 17);
        for (_, key) in requests(&mut bob, now) {
            count += 1;
            bob.receive(ADA, key, b"three", now).unwrap();
        }
    }
    assert!((10..=12).contains(&count), "{count} requests in 10 seconds");
}

#[test]
fn every_content_has_its_turn_while_one_changes_all_the_time() {
    let (mut ada, mut bob) = (Contents::default(), Contents::default());
    for number in 0..20 {
        bob.expect(key(number), ada.set(key(number), &[0]));
    }
    for frame in 0..60_u8 {
        let now = ms(u64::from(frame) * 17);
        let digest = ada.set(key(0), &[frame]);
        bob.expect(key(0), digest);
        for (_, key) in requests(&mut bob, now) {
            ada.receive_request(BOB, key);
        }
        ada.set(key(0), &[frame, 1]);
        while let Some((key, content)) = answer(&mut ada, BOB, now) {
            bob.receive(ADA, key, &content, now).unwrap();
        }
    }
    for number in 0..20 {
        assert!(bob.get(key(number)).is_some(), "{number}");
    }
}

#[test]
fn new_owner_keeps_a_newer_content_that_is_on_its_way() {
    let mut bob = Contents::default();
    bob.expect(key(1), Digest::of(b"one"));
    requests(&mut bob, ms(0));
    bob.receive(ADA, key(1), b"one", ms(10)).unwrap();
    bob.expect(key(1), Digest::of(b"two"));
    // Ada gives the entity to Bob, whose world still has the first content.
    assert_eq!(bob.set(key(1), b"one"), Digest::of(b"two"));
    assert_eq!(requests(&mut bob, ms(20)).len(), 1);
    // Then the game changes it.
    assert_eq!(bob.set(key(1), b"three"), Digest::of(b"three"));
    bob.receive(ADA, key(1), b"two", ms(30)).unwrap();
    assert_eq!(bob.get(key(1)).unwrap()[..], b"three"[..]);
}

#[test]
fn owner_without_a_content_asks_each_peer_once() {
    let mut bob = Contents::default();
    let each = |_| Sources::Each(vec![ADA, EVE]);
    bob.expect(key(1), Digest::of(b"map"));
    assert_eq!(bob.requests(ms(0), each), [(ADA, key(1))]);
    assert_eq!(bob.requests(RETRY, each), [(EVE, key(1))]);
    assert_eq!(bob.take_abandoned(), None);
    assert_eq!(bob.requests(RETRY * 2, each), []);
    assert_eq!(bob.take_abandoned(), Some(key(1)));
    assert_eq!(bob.take_abandoned(), None);
    assert!(bob.wants.is_empty());
}

#[test]
fn request_waits_until_the_content_is_here() {
    let mut ada = Contents::default();
    ada.receive_request(BOB, key(1));
    ada.receive_request(BOB, key(2));
    assert_eq!(answer(&mut ada, BOB, ms(0)), None);
    ada.set(key(2), b"two");
    assert_eq!(answer(&mut ada, BOB, ms(10)).unwrap().0, key(2));
    ada.set(key(1), b"one");
    assert_eq!(answer(&mut ada, BOB, ms(20)).unwrap().0, key(1));
}

#[test]
fn removed_entity_leaves_nothing() {
    let mut bob = Contents::default();
    bob.expect(key(1), Digest::of(b"one"));
    bob.expect(key(2), Digest::of(b"two"));
    requests(&mut bob, ms(0));
    bob.receive(ADA, key(1), b"one", ms(10)).unwrap();
    bob.remove_entity(key(1).entity);
    bob.remove_entity(key(2).entity);
    bob.receive(ADA, key(2), b"two", ms(20)).unwrap();
    assert_eq!((bob.get(key(1)), bob.get(key(2))), (None, None));
    assert_eq!(bob.take_arrived(), BTreeSet::new());
    assert_eq!(bob.store.bytes_from(ADA), 0);
    assert_eq!(bob.wants.open_requests(ADA), 0);
    assert_eq!(bob.keys(key(1).entity), BTreeSet::new());
}
