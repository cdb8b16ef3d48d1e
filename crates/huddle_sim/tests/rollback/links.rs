//! Links that are cut, for a while or forever.

use std::time::Duration;

use huddle_rollback::{LeaveReason, RollbackEvent, RollbackSetup, Seat};
use huddle_session::{PeerId, Tick};
use huddle_sim::{Conditions, Fault, Simulation, Trouble, Weather};

use crate::scene::{
    Game, conditions, events, game, left, members, ms, peer, play_until, secs, setups, ticks_until,
    wifi,
};

fn assert_all_remain(game: &Game, players: usize) {
    for player in 0..players {
        assert_eq!(left(game, player), [], "player {player}");
        assert_eq!(members(game, player).len(), players, "player {player}");
    }
}

#[test]
fn lost_link_drops_no_player_and_the_match_continues() {
    let cut = Trouble::Cut(0, 1, Duration::MAX);
    let mut game = game(4, wifi(), [(secs(2), cut)]);
    // The link is given up after eight seconds. The match does not wait for that.
    play_until(&mut game, secs(6));
    let ticks = ticks_until(&mut game, 0, secs(10));
    assert!(ticks >= 230, "{ticks} ticks in four seconds");
    assert_all_remain(&game, 4);
}

#[test]
fn chain_of_players_continues() {
    let cuts = [(0, 2), (0, 3), (1, 3)];
    let cuts = cuts.map(|(a, b)| (secs(2), Trouble::Cut(a, b, Duration::MAX)));
    let mut game = game(4, Weather::from_rtt(ms(20)), cuts);
    play_until(&mut game, secs(7));
    for player in [0, 3] {
        let end = game.now() + secs(2);
        let ticks = ticks_until(&mut game, player, end);
        assert!(ticks >= 110, "{ticks} ticks in two seconds");
    }
    assert_all_remain(&game, 4);
}

#[test]
fn player_without_links_for_a_second_remains() {
    let away = Trouble::Partition {
        side: vec![2],
        lasts: secs(1),
    };
    let mut game = game(3, wifi(), [(secs(2), away)]);
    play_until(&mut game, ms(3500));
    assert_all_remain(&game, 3);
    let ticks = ticks_until(&mut game, 2, ms(5500));
    assert!(ticks >= 115, "{ticks} ticks in two seconds");
}

#[test]
fn both_sides_of_a_partition_continue_and_are_notified() {
    // One side, the number of players, and whether the side is the majority.
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
            let gone = |other| (Seat(other as u8), LeaveReason::TimedOut);
            let gone: Vec<_> = theirs.into_iter().map(gone).collect();
            assert_eq!(left(&game, player), gone);
        }
    }
}

/// Returns the players that dropped a player, and the first tick without it.
fn dropped(game: &Game, player: usize) -> Vec<(PeerId, Tick)> {
    let events = events(game, player).into_iter();
    let dropped = events.filter_map(|event| match event {
        RollbackEvent::Dropped { by, at_tick } => Some((by, at_tick)),
        _ => None,
    });
    let mut dropped: Vec<_> = dropped.collect();
    dropped.sort_unstable_by_key(|(by, _)| *by);
    dropped
}

#[test]
fn smaller_side_is_notified_after_the_partition_that_it_was_dropped() {
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
    // The smaller side is notified by the larger one, and not the other way around.
    let (_, at, _) = game.left(0)[0];
    assert_eq!(dropped(&game, 2), [(peer(0), at), (peer(1), at)]);
    assert_eq!([dropped(&game, 0), dropped(&game, 1)], [[], []]);
    let ticks = [0, 1, 2].map(|player| game.session(player).tick().0);
    assert!(ticks.iter().all(|&tick| tick > 200), "{ticks:?}");
}

#[test]
fn player_that_hangs_beyond_the_disconnect_timeout_is_notified_that_it_was_dropped() {
    let conditions = Conditions {
        faults: vec![Fault {
            at: secs(2),
            what: Trouble::Freeze(2, ms(2800)),
        }],
        ..conditions(wifi())
    };
    let setups = setups(3).into_iter().map(|setup| RollbackSetup {
        disconnect_timeout: ms(1500),
        ..setup
    });
    let mut game: Game = Simulation::new(conditions, setups);
    play_until(&mut game, secs(7));
    let dropped = dropped(&game, 2);
    let by: Vec<_> = dropped.iter().map(|(by, _)| *by).collect();
    assert!(!by.is_empty() && by.iter().all(|by| [peer(0), peer(1)].contains(by)));
    for player in [0, 1] {
        let [(seat, at, reason)] = game.left(player)[..] else {
            panic!("{:?}", game.left(player));
        };
        assert_eq!((seat, reason), (Seat(2), LeaveReason::TimedOut));
        let is_agreed = dropped.iter().all(|(_, tick)| *tick == at);
        assert!(is_agreed, "{dropped:?} {at}");
    }
}

#[test]
fn match_does_not_wait_until_a_silent_link_is_given_up() {
    let cut = Trouble::Partition {
        side: vec![2],
        lasts: Duration::MAX,
    };
    let mut game = game(3, wifi(), [(secs(2), cut)]);
    // The disconnect timeout of three seconds, and the grace period of one.
    play_until(&mut game, ms(6500));
    for player in [0, 1] {
        assert_eq!(left(&game, player), [(Seat(2), LeaveReason::TimedOut)]);
    }
    let ticks = ticks_until(&mut game, 0, ms(8500));
    assert!(ticks >= 115, "{ticks} ticks in two seconds");
}
