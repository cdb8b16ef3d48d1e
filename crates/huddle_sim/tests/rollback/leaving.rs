//! Players that leave, vanish, restart or are removed.

use std::time::Duration;

use huddle_rollback::{LeaveReason, RollbackEvent, Seat};
use huddle_session::Tick;
use huddle_sim::{Trouble, Weather};

use crate::scene::{Game, events, game, left, members, ms, peer, play_until, secs, wifi};

/// Returns the longest time for which a player's match waited when other players left.
fn freeze(game: &Game, player: usize) -> Duration {
    let freezes = game.outcome(player).freezes;
    freezes.into_iter().max().expect("a player left")
}

#[test]
fn player_that_announces_its_departure_leaves_at_once_after_its_last_input() {
    let weather = Weather::from_rtt(ms(50));
    let mut game = game(3, weather, [(secs(2), Trouble::Leave(1))]);
    play_until(&mut game, secs(4));
    for player in [0, 2] {
        // The oracle checks that it is the last input.
        assert_eq!(left(&game, player), [(Seat(1), LeaveReason::Left)]);
        assert_eq!(game.left(player), game.left(0));
        let freeze = freeze(&game, player);
        assert!(freeze < ms(300), "{freeze:?}");
    }
}

#[test]
fn removed_player_leaves_at_the_same_tick_for_all() {
    let mut game = game(4, wifi(), [(secs(2), Trouble::Remove(3))]);
    play_until(&mut game, secs(4));
    for player in 0..3 {
        assert_eq!(left(&game, player), [(Seat(3), LeaveReason::Removed)]);
        assert_eq!(game.left(player), game.left(0));
        let freeze = freeze(&game, player);
        assert!(freeze < ms(300), "{freeze:?}");
    }
}

#[test]
fn restarted_player_leaves_at_once() {
    for players in [2, 3, 5] {
        let takes = ms(700);
        let restart = Trouble::Restart { player: 1, takes };
        let mut game = game(players, wifi(), [(secs(2), restart)]);
        play_until(&mut game, secs(4));
        let stay: Vec<_> = (0..players).filter(|&player| player != 1).collect();
        for &player in &stay {
            assert_eq!(left(&game, player), [(Seat(1), LeaveReason::Restarted)]);
            assert_eq!(game.left(player), game.left(0));
            let expected: Vec<_> = stay.iter().map(|&player| peer(player)).collect();
            assert_eq!(members(&game, player), expected);
            let freeze = freeze(&game, player);
            assert!(freeze < takes + ms(300), "{freeze:?}");
            let is_split = |event: &RollbackEvent| matches!(event, RollbackEvent::Split { .. });
            assert!(!events(&game, player).iter().any(is_split));
        }
    }
}

#[test]
fn match_continues_soon_after_three_of_eight_players_vanish() {
    let noticed_after = ms(500);
    let players = vec![1, 4, 6];
    let vanish = Trouble::Vanish {
        players: players.clone(),
        noticed_after,
    };
    let mut game = game(8, wifi(), [(secs(1), vanish)]);
    play_until(&mut game, ms(4500));
    for player in (0..8).filter(|player| !players.contains(player)) {
        let (_, end, _) = game.left(player)[0];
        let session = game.session(player);
        let last = Tick(end.0 - 1);
        assert_eq!(session.seat_at(Seat(1), last), Some(Game::peer(1)));
        assert_eq!(session.seat_at(Seat(1), end), None);
        let gone = [1, 4, 6].map(|seat| (Seat(seat), LeaveReason::Lost));
        assert_eq!(left(&game, player), gone, "player {player}");
        assert_eq!(game.left(player), game.left(0), "player {player}");
        let freeze = freeze(&game, player);
        assert!(freeze < noticed_after + ms(1200), "{freeze:?}");
    }
}

#[test]
fn votes_overtake_bulk_events_of_the_game() {
    let noticed_after = ms(500);
    let vanish = Trouble::Vanish {
        players: vec![3],
        noticed_after,
    };
    let mut game = game(4, wifi(), [(secs(2), vanish)]);
    play_until(&mut game, ms(1500));
    for player in 0..3 {
        game.send_bulk(player);
    }
    play_until(&mut game, secs(4));
    for player in 0..3 {
        assert_eq!(left(&game, player), [(Seat(3), LeaveReason::Lost)]);
        assert_eq!(game.left(player), game.left(0));
        let freeze = freeze(&game, player);
        assert!(freeze < noticed_after + ms(700), "{freeze:?}");
    }
}

#[test]
fn last_player_continues_alone_and_stores_no_inputs_for_others() {
    let faults = [1, 2].map(|player| (secs(player), Trouble::Leave(player as usize)));
    let mut game = game(3, wifi(), faults);
    play_until(&mut game, ms(5400));
    assert_eq!(game.session(0).members().len(), 1);
    let tick = game.session(0).tick();
    assert!(tick.0 > 250, "{tick}");
    let memory = game.session(0).memory();
    // No other player needs inputs.
    assert!(memory.inputs < 100, "{memory:?}");
    assert_eq!((memory.agreement, memory.unread), (0, 0));
    play_until(&mut game, secs(30));
    let later = game.session(0).memory();
    assert!(
        later.inputs <= memory.inputs + 16,
        "{memory:?}, then {later:?}"
    );
    assert!(later.saves <= memory.saves, "{memory:?}, then {later:?}");
    assert_eq!((later.agreement, later.unread), (0, 0));
}
