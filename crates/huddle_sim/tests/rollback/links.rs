//! Links that are bad, cut for a time or not there at all.

use std::time::Duration;

use huddle_rollback::{LeaveReason, RollbackEvent, RollbackSetup, Seat};
use huddle_session::{PeerId, Tick};
use huddle_sim::{Conditions, Fault, Simulation, Trouble, Weather};

use crate::scene::{
    Game, conditions, events, game, left, members, ms, peer, play_until, secs, setups, ticks_until,
    wifi,
};

fn nobody_is_ejected(game: &Game, players: usize) {
    for player in 0..players {
        assert_eq!(left(game, player), [], "player {player}");
        assert_eq!(members(game, player).len(), players, "player {player}");
    }
}

#[test]
fn a_link_that_is_gone_ejects_nobody_and_the_game_goes_on() {
    let cut = Trouble::Cut(0, 1, Duration::MAX);
    let mut game = game(4, wifi(), [(secs(2), cut)]);
    // It is given up after eight seconds, and the game does not wait for that.
    play_until(&mut game, secs(6));
    let ticks = ticks_until(&mut game, 0, secs(10));
    assert!(ticks >= 230, "{ticks} ticks in four seconds");
    nobody_is_ejected(&game, 4);
}

#[test]
fn a_chain_in_which_only_neighbours_are_linked_plays_on() {
    let cuts = [(0, 2), (0, 3), (1, 3)];
    let cuts = cuts.map(|(a, b)| (secs(2), Trouble::Cut(a, b, Duration::MAX)));
    let mut game = game(4, Weather::from_rtt(ms(20)), cuts);
    play_until(&mut game, secs(7));
    for player in [0, 3] {
        let end = game.now() + secs(2);
        let ticks = ticks_until(&mut game, player, end);
        assert!(ticks >= 110, "{ticks} ticks in two seconds");
    }
    nobody_is_ejected(&game, 4);
}

#[test]
fn who_is_away_for_a_second_stays() {
    let away = Trouble::Partition {
        side: vec![2],
        lasts: secs(1),
    };
    let mut game = game(3, wifi(), [(secs(2), away)]);
    play_until(&mut game, ms(3500));
    nobody_is_ejected(&game, 3);
    let ticks = ticks_until(&mut game, 2, ms(5500));
    assert!(ticks >= 115, "{ticks} ticks in two seconds");
}

#[test]
fn both_sides_of_a_partition_play_on_and_know_that_they_are_sides() {
    // (one side, how many play, whether it is the majority)
    let halves: [(&[usize], usize, bool); 3] =
        [(&[1, 3], 4, false), (&[0, 1], 4, true), (&[0, 1], 5, false)];
    for (side, of, is_majority) in halves {
        let partition = Trouble::Partition {
            side: side.to_vec(),
            lasts: Duration::MAX,
        };
        let mut game = game(of, wifi(), [(secs(2), partition)]);
        play_until(&mut game, ms(6500));
        let ticks = ticks_until(&mut game, 0, ms(8500));
        assert!(ticks >= 115, "{ticks} ticks in two seconds");
        for player in 0..of {
            let is_here = |other: &usize| side.contains(other) == side.contains(&player);
            let mine: Vec<_> = (0..of).filter(is_here).collect();
            let theirs: Vec<_> = (0..of).filter(|other| !is_here(other)).collect();
            let splits = events(&game, player);
            let splits: Vec<_> = splits
                .iter()
                .filter(|event| matches!(event, RollbackEvent::Split { .. }))
                .collect();
            let expected = RollbackEvent::Split {
                side: mine.into_iter().map(peer).collect(),
                of,
                is_majority: is_majority == side.contains(&player),
            };
            assert_eq!(splits, [&expected], "player {player} of {of}");
            let gone = |other| (Seat(other as u8), LeaveReason::Silent);
            let gone: Vec<_> = theirs.into_iter().map(gone).collect();
            assert_eq!(left(&game, player), gone);
        }
    }
}

/// Who told a player that they go on without, and from which tick on.
fn voted_out(game: &Game, player: usize) -> Vec<(PeerId, Tick)> {
    let events = events(game, player).into_iter();
    let told = events.filter_map(|event| match event {
        RollbackEvent::VotedOut { by, at_tick } => Some((by, at_tick)),
        _ => None,
    });
    let mut told: Vec<_> = told.collect();
    told.sort_unstable_by_key(|(by, _)| *by);
    told
}

#[test]
fn who_comes_back_after_a_partition_is_told_to_be_out() {
    let away = Trouble::Partition {
        side: vec![2],
        lasts: secs(5),
    };
    let mut game = game(3, wifi(), [(secs(2), away)]);
    play_until(&mut game, secs(10));
    let splits: Vec<_> = (0..3)
        .flat_map(|player| events(&game, player))
        .filter_map(|event| match event {
            RollbackEvent::Split {
                side, is_majority, ..
            } => Some((side, is_majority)),
            _ => None,
        })
        .collect();
    let most = (vec![peer(0), peer(1)], true);
    assert_eq!(splits, [most.clone(), most, (vec![peer(2)], false)]);
    // The smaller side is told by the others, and they are not told by it.
    let (_, at, _) = game.left(0)[0];
    assert_eq!(voted_out(&game, 2), [(peer(0), at), (peer(1), at)]);
    assert_eq!([voted_out(&game, 0), voted_out(&game, 1)], [[], []]);
    let ticks = [0, 1, 2].map(|player| game.session(player).tick().0);
    assert!(ticks.iter().all(|&tick| tick > 200), "{ticks:?}");
}

#[test]
fn who_stood_still_for_longer_than_others_wait_is_told_to_be_out() {
    let conditions = Conditions {
        faults: vec![Fault {
            at: secs(2),
            what: Trouble::Freeze(2, ms(2800)),
        }],
        ..conditions(wifi())
    };
    let setups = setups(3).into_iter().map(|setup| RollbackSetup {
        patience: ms(1500),
        ..setup
    });
    let mut game: Game = Simulation::new(conditions, setups);
    play_until(&mut game, secs(7));
    let told = voted_out(&game, 2);
    // By the others, as of the tick from which on they did without.
    let by: Vec<_> = told.iter().map(|(by, _)| *by).collect();
    assert!(!by.is_empty() && by.iter().all(|by| [peer(0), peer(1)].contains(by)));
    for player in [0, 1] {
        let [(seat, at, reason)] = game.left(player)[..] else {
            panic!("{:?}", game.left(player));
        };
        assert_eq!((seat, reason), (Seat(2), LeaveReason::Silent));
        assert!(told.iter().all(|(_, told)| *told == at), "{told:?} {at}");
    }
}

#[test]
fn game_does_not_wait_until_the_link_of_a_silent_player_is_given_up() {
    let cut = Trouble::Partition {
        side: vec![2],
        lasts: Duration::MAX,
    };
    let mut game = game(3, wifi(), [(secs(2), cut)]);
    // Three seconds without its inputs, and one in which it may wait itself.
    play_until(&mut game, ms(6500));
    for player in [0, 1] {
        assert_eq!(left(&game, player), [(Seat(2), LeaveReason::Silent)]);
    }
    let ticks = ticks_until(&mut game, 0, ms(8500));
    assert!(ticks >= 115, "{ticks} ticks in two seconds");
}
