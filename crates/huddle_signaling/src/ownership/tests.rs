use std::slice::from_ref;

use super::*;

fn key(name: &str) -> RoomKey {
    RoomKey {
        app: String::new(),
        name: name.to_owned(),
        next: None,
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Claims a room.
fn claim(ownership: &mut Ownership, name: &str, now: Duration) -> Held {
    let room = Held {
        key: key(name),
        epoch: ownership.next_epoch(),
    };
    ownership.claimed(room.clone(), now, now);
    room
}

#[test]
fn claimed_room_is_confirmed_regularly() {
    let mut ownership = Ownership::default();
    assert!(!ownership.owns(&key("a")));
    let room = claim(&mut ownership, "a", seconds(1));
    assert!(ownership.owns(&key("a")));
    assert_eq!(ownership.unconfirmed(seconds(15)), []);
    assert_eq!(ownership.unconfirmed(seconds(16)), from_ref(&room));
    ownership.confirmed(&room, seconds(16));
    assert_eq!(ownership.unconfirmed(seconds(30)), []);
    assert_eq!(ownership.unconfirmed(seconds(31)), [room]);
}

#[test]
fn lapsed_lease_makes_all_rooms_unconfirmed() {
    let mut ownership = Ownership::default();
    let room = claim(&mut ownership, "a", seconds(1));
    ownership.lapsed(seconds(2));
    assert_eq!(ownership.unconfirmed(seconds(2)), from_ref(&room));
    // Clients can join until another instance turns out to own the room.
    assert!(ownership.owns(&key("a")));
    assert!(ownership.conflicted(&room));
    assert!(!ownership.owns(&key("a")));
    assert_eq!(ownership.unconfirmed(seconds(100)), []);
}

/// The answer to a claim can arrive after the lease has lapsed.
#[test]
fn claim_from_before_a_lapse_is_unconfirmed() {
    let mut ownership = Ownership::default();
    let epoch = ownership.next_epoch();
    let room = Held {
        key: key("a"),
        epoch,
    };
    ownership.lapsed(seconds(2));
    ownership.claimed(room.clone(), seconds(1), seconds(3));
    assert_eq!(ownership.unconfirmed(seconds(3)), [room]);
}

#[test]
fn late_conflict_does_not_end_a_newer_claim() {
    let mut ownership = Ownership::default();
    let old = claim(&mut ownership, "a", seconds(1));
    let new = claim(&mut ownership, "a", seconds(2));
    assert!(new.epoch > old.epoch);
    assert!(!ownership.conflicted(&old));
    assert!(ownership.owns(&key("a")));
    ownership.lapsed(seconds(3));
    ownership.confirmed(&old, seconds(4));
    assert_eq!(ownership.unconfirmed(seconds(4)), from_ref(&new));
    assert!(ownership.conflicted(&new));
    assert!(!ownership.conflicted(&new));
}

#[test]
fn room_is_released_when_it_has_been_empty_for_a_while() {
    let mut ownership = Ownership::default();
    let claimed = claim(&mut ownership, "claimed", seconds(0));
    let left = claim(&mut ownership, "left", seconds(0));
    let occupied = |key: &RoomKey| key.name == "left";
    assert_eq!(ownership.release_empty(seconds(4), occupied), []);
    // Nobody has joined the room that was claimed.
    assert_eq!(ownership.release_empty(seconds(5), occupied), [claimed]);
    assert_eq!(ownership.release_empty(seconds(100), occupied), []);
    assert_eq!(ownership.release_empty(seconds(101), |_| false), []);
    // A client has joined again.
    assert_eq!(ownership.release_empty(seconds(103), occupied), []);
    assert_eq!(ownership.release_empty(seconds(104), |_| false), []);
    assert_eq!(ownership.release_empty(seconds(108), |_| false), []);
    assert_eq!(ownership.release_empty(seconds(109), |_| false), [left]);
    assert_eq!(ownership.len(), 0);
}

#[test]
fn adopted_room_is_recorded_at_once() {
    let mut ownership = Ownership::default();
    ownership.adopt(key("group"));
    assert!(ownership.owns(&key("group")));
    assert_eq!(ownership.unconfirmed(seconds(1)).len(), 1);
    assert_eq!(ownership.release_empty(seconds(1), |_| true), []);
}
