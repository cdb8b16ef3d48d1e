//! Players without a link to each other.

use super::*;

#[test]
fn missing_links_delay_the_start_by_less_than_a_second() {
    // A chain, whose ends are three links apart.
    for cuts in [&[(2, 3)][..], &[(1, 3), (1, 4), (2, 4)]] {
        let mut room = Room::of(4);
        for &(a, b) in cuts {
            room.cut(a, b);
        }
        room.run(SECOND * 2);
        room.seed();
        for &(a, b) in cuts {
            assert!(room.player(a).unlinked().any(|other| other == peer(b)));
        }
        // The players send nothing more.
        let sent = room.sent;
        room.run(SECOND * 20);
        assert!(room.sent <= sent + 40, "{} messages", room.sent - sent);
    }
    let mut room = Room::of(3);
    room.cut(2, 3);
    room.run(SECOND);
    room.seed();
}

#[test]
fn without_missing_links_few_hellos_are_relayed() {
    for n in [2, 3, 8] {
        let mut room = Room::of(n);
        room.run(SECOND * 20);
        room.seed();
        // Some answers take longer than the time after which hellos are relayed.
        let (relayed, sent) = (room.relayed, room.sent);
        assert!(relayed * 20 <= sent, "{relayed} of {sent}");
    }
}

#[test]
fn player_without_any_link_is_reported_by_all_at_the_same_time() {
    let mut room = Room::of(3);
    room.cut(1, 3);
    room.cut(2, 3);
    room.run(SECOND * 10 + STEP * 16);
    let report = room.error(1);
    assert_eq!(room.error(2), report);
    let StartError::Missing { silent, .. } = room.outcome(1).unwrap().unwrap_err() else {
        panic!("{report}");
    };
    assert_eq!(*silent, [peer(3)]);
}
