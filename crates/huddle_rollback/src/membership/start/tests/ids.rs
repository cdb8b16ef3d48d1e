//! Match ids: players with different ids, and successive attempts.

use super::*;

fn at(number: u32, epoch: u32, player: u8, players: u8) -> StartSetup {
    StartSetup {
        id: MatchId { number, epoch },
        ..setup(player, players)
    }
}

#[test]
fn players_with_different_ids_start_together_under_the_greatest() {
    let ids = [(3, 0), (0, 0), (2, 5), (0, 4)];
    let setups = (1..).zip(ids);
    let mut room = Room::new(setups.map(|(player, (number, epoch))| at(number, epoch, player, 4)));
    room.run(SECOND);
    room.seed();
    for player in room.players.values() {
        let id = MatchId {
            number: 3,
            epoch: 0,
        };
        assert_eq!(player.outcome().unwrap().unwrap().id, id);
        assert_eq!(player.next_id(), id.next_match());
    }
}

#[test]
fn second_attempt_under_the_same_id_starts() {
    let mut room = Room::new([setup(1, 3), setup(2, 3)]);
    room.run(SECOND);
    // The player reloads its page, which forgets the first attempt.
    let again = StartSetup {
        nonce: 77,
        ..setup(2, 3)
    };
    room.begin(again);
    room.run(SECOND);
    room.begin(setup(3, 3));
    room.run(SECOND);
    room.seed();
}

#[test]
fn attempt_after_a_failed_one_starts() {
    let mut room = Room::new([setup(1, 2)]);
    room.run(SECOND * 11);
    assert!(room.outcome(1).unwrap().is_err());
    let id = room.player(1).next_id();
    room.begin(setup(2, 2));
    room.run(SECOND);
    assert_eq!(room.outcome(2), None);
    room.begin(StartSetup {
        id,
        nonce: 5,
        ..setup(1, 2)
    });
    room.run(SECOND);
    room.seed();
}

#[test]
fn restarted_player_is_notified_that_the_match_has_started() {
    let mut room = Room::of(2);
    room.run(SECOND);
    room.seed();
    let again = StartSetup {
        nonce: 77,
        ..setup(2, 2)
    };
    room.begin(again);
    room.run(SECOND);
    assert_eq!(room.outcome(2), None);
    let next = MatchId::default().next_match();
    assert_eq!(room.player(2).id(), next);
    // The other player follows later.
    room.begin(at(next.number, next.epoch, 1, 2));
    room.run(SECOND);
    room.seed();
}

#[test]
fn messages_of_an_earlier_match_do_not_disturb_a_rematch() {
    let mut old = Room::of(2);
    // The earlier match has other settings. Its messages are in flight when the rematch begins.
    let mut stragglers = Vec::new();
    for _ in 0..100 {
        old.step();
        stragglers.append(&mut old.in_flight.clone());
    }
    old.seed();
    let again = |player| StartSetup {
        settings: settings("desert"),
        nonce: 77 + u64::from(player),
        ..at(1, 0, player, 2)
    };
    let mut room = Room::new([again(1)]);
    room.in_flight = stragglers;
    room.run(SECOND * 2);
    assert_eq!(room.outcome(1), None);
    room.begin(again(2));
    room.run(SECOND);
    assert_ne!(room.seed(), old.seed());
}
