//! The rooms and queues of several games.

use super::*;

#[test]
fn games_share_neither_rooms_nor_queues() {
    let of = |app: &str, name: &str, next| RoomKey {
        app: app.to_owned(),
        ..key(name, next)
    };
    let mut registry = registry(100, 64);
    for next in [0, 2] {
        let first = 10 * next as u128;
        // The pairs of names differ even though they are the same text together.
        for (n, (app, name)) in
            (1..).zip([("a", "b"), ("c", "b"), ("", "b"), ("", "ab"), ("ab", "")])
        {
            assert_eq!(
                join(&mut registry, first + n, of(app, name, next)),
                [],
                "{app} {name}"
            );
        }
        assert_eq!(
            join(&mut registry, first + 6, of("a", "b", next)),
            [peer(first + 1)]
        );
        assert!(is_relayed(&mut registry, peer(first + 1), peer(first + 6)));
        assert!(!is_relayed(&mut registry, peer(first + 1), peer(first + 2)));
    }
}

#[test]
fn group_of_a_game_is_a_room_of_that_game() {
    let of = |app: &str, next| RoomKey {
        app: app.to_owned(),
        ..key("a", next)
    };
    let mut registry = registry(100, 64);
    for n in [1, 2] {
        registry
            .join(peer(n), extended(of("duel", 2), None))
            .unwrap();
    }
    registry.set_links(peer(1), &[peer(2)]);
    let id = linked_as(&registry.set_links(peer(2), &[peer(1)])).unwrap();
    leave(&mut registry, 1);
    let elsewhere = registry
        .join(peer(3), extended(of("other", 2), Some(id)))
        .unwrap();
    assert_eq!(receivers(&elsewhere.1, PeerEvent::NewPeer(peer(3))), []);
    let back = registry
        .join(peer(4), extended(of("duel", 2), Some(id)))
        .unwrap();
    assert_eq!(receivers(&back.1, PeerEvent::NewPeer(peer(4))), [peer(2)]);
}
