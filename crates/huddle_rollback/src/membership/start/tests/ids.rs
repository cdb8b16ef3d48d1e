//! Match ids: players that are at different ones, and attempts that follow each other.

use super::*;

fn at(number: u32, epoch: u32, me: u8, players: u8) -> StartSetup {
    StartSetup {
        id: MatchId { number, epoch },
        ..setup(me, players)
    }
}

#[test]
fn players_that_count_differently_start_together_under_the_greatest_id() {
    let ids = [(3, 0), (0, 0), (2, 5), (0, 4)];
    let setups = (1..).zip(ids);
    let mut room = Room::new(setups.map(|(me, (number, epoch))| at(number, epoch, me, 4)));
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
    // Its page is reloaded, and knows nothing of the first attempt.
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
fn player_that_begins_again_learns_that_the_match_has_started() {
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
    // Until the other follows.
    room.begin(at(next.number, next.epoch, 1, 2));
    room.run(SECOND);
    room.seed();
}

#[test]
fn messages_of_an_earlier_match_do_not_disturb_a_rematch() {
    let mut old = Room::of(2);
    // Other settings, and messages that are still on their way when the rematch begins.
    let mut stragglers = Vec::new();
    for _ in 0..100 {
        old.step();
        stragglers.append(&mut old.flying.clone());
    }
    old.seed();
    let again = |me| StartSetup {
        settings: settings("desert"),
        nonce: 77 + u64::from(me),
        ..at(1, 0, me, 2)
    };
    let mut room = Room::new([again(1)]);
    room.flying = stragglers;
    room.run(SECOND * 2);
    assert_eq!(room.outcome(1), None);
    room.begin(again(2));
    room.run(SECOND);
    assert_ne!(room.seed(), old.seed());
}
