//! Players who leave, vanish or are removed.

use std::time::Duration;

use huddle_rollback::{LeaveReason, Seat};
use huddle_session::Tick;
use huddle_sim::{Trouble, Weather};

use crate::scene::{Game, game, left, ms, play_until, secs, wifi};

/// How long a player's game stood still at most when others left.
fn freeze(game: &Game, player: usize) -> Duration {
    let freezes = game.outcome(player).freezes;
    freezes.into_iter().max().expect("somebody left")
}

#[test]
fn who_leaves_and_says_so_is_gone_at_their_last_input_at_once() {
    let weather = Weather::from_rtt(ms(50));
    let mut game = game(3, weather, [(secs(2), Trouble::Leave(1))]);
    play_until(&mut game, secs(4));
    for player in [0, 2] {
        // That it is the last input, the oracle sees to.
        assert_eq!(left(&game, player), [(Seat(1), LeaveReason::Left)]);
        assert_eq!(game.left(player), game.left(0));
        let freeze = freeze(&game, player);
        assert!(freeze < ms(300), "{freeze:?}");
    }
}

#[test]
fn who_is_removed_is_gone_at_the_same_tick_for_all() {
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
fn when_three_of_eight_vanish_the_rest_go_on_soon_after_they_are_told() {
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
        let gone = [1, 4, 6].map(|seat| (Seat(seat), LeaveReason::Link));
        assert_eq!(left(&game, player), gone, "player {player}");
        assert_eq!(game.left(player), game.left(0), "player {player}");
        let freeze = freeze(&game, player);
        assert!(freeze < noticed_after + ms(1200), "{freeze:?}");
    }
}

#[test]
fn the_last_one_plays_on_alone() {
    let faults = [1, 2].map(|player| (secs(player), Trouble::Leave(player as usize)));
    let mut game = game(3, wifi(), faults);
    play_until(&mut game, ms(5400));
    assert_eq!(game.session(0).members().len(), 1);
    let tick = game.session(0).tick();
    assert!(tick.0 > 250, "{tick}");
    // Nobody needs inputs any more.
    let memory = game.session(0).memory();
    assert!(memory.inputs < 100, "{memory:?}");
}
