//! Matches that follow each other in the same room.

use huddle_rollback::{RollbackEvent, RollbackSetup};
use huddle_session::Tick;
use huddle_sim::{Conditions, Simulation, Weather};

use crate::scene::{Game, conditions, events, game, ms, peer, play_until, secs, setups, wifi};

#[test]
fn new_match_ignores_packets_of_the_previous_match() {
    // With the second weather, packets of the first match arrive long after the second has started.
    for (loss, delay, jitter) in [(0.1, 50, 200), (0.0, 2, 900)] {
        let weather = Weather {
            loss,
            jitter: ms(jitter),
            duplication: 0.1,
            ..Weather::from_rtt(ms(2 * delay))
        };
        play_three_matches(weather);
    }
}

fn play_three_matches(weather: Weather) {
    for seed in 1..=3 {
        let conditions = Conditions {
            seed,
            ..conditions(weather)
        };
        let often = |setup| RollbackSetup {
            checksum_every: 5,
            ..setup
        };
        let mut game: Game = Simulation::new(conditions, setups(3).into_iter().map(often));
        play_until(&mut game, secs(3));
        for number in 1..=2 {
            // The players start the match one after the other.
            for (player, setup) in setups(3).into_iter().map(often).enumerate() {
                let setup = RollbackSetup { number, ..setup };
                game.play_again(player, setup);
                let soon = game.now() + ms(70);
                game.run_until(soon);
            }
            let end = game.now() + secs(4);
            play_until(&mut game, end);
            for player in 0..3 {
                let tick = game.session(player).tick();
                assert!(tick.0 > 40, "match {number} is at tick {tick}");
            }
        }
    }
}

#[test]
fn twenty_rematches_follow_each_other_over_lossy_links() {
    let weather = Weather {
        loss: 0.1,
        jitter: ms(60),
        duplication: 0.05,
        ..Weather::from_rtt(ms(100))
    };
    for players in [2, 4] {
        let conditions = Conditions {
            seed: players as u64,
            ..conditions(weather)
        };
        let often = |setup| RollbackSetup {
            checksum_every: 5,
            ..setup
        };
        let mut game: Game = Simulation::new(conditions, setups(players).into_iter().map(often));
        play_until(&mut game, secs(2));
        for number in 1..=20 {
            // The players request the rematch one after the other, and the match continues.
            for (player, setup) in setups(players).into_iter().map(often).enumerate() {
                game.rematch(player, setup);
                let soon = game.now() + ms(90);
                play_until(&mut game, soon);
            }
            let requested = game.now();
            let mut last = vec![Tick(0); players];
            let has_begun = |game: &Game, player: usize| {
                let session = game.session(player);
                session.number() == Some(number) && session.tick().0 >= 30
            };
            while !(0..players).all(|player| has_begun(&game, player)) {
                for (player, last) in last.iter_mut().enumerate() {
                    if game.session(player).number() != Some(number) {
                        *last = game.session(player).confirmed();
                    }
                }
                let soon = game.now() + ms(5);
                play_until(&mut game, soon);
                let took = game.now() - requested;
                assert!(took < secs(4), "rematch {number} of {players} players");
            }
            // Each player has confirmed the complete previous match.
            for (player, &last) in last.iter().enumerate() {
                assert_eq!(ended(&game, player).last(), Some(&last));
            }
        }
        for player in 0..players {
            let events = events(&game, player).into_iter();
            let ended = events.filter_map(|event| match event {
                RollbackEvent::Ended { at_tick } => Some(at_tick),
                RollbackEvent::Started { .. } | RollbackEvent::Waiting { .. } => None,
                other => panic!("player {player}: {other:?}"),
            });
            let ended: Vec<_> = ended.collect();
            assert_eq!(ended.len(), 20, "player {player}");
            assert_eq!(ended, self::ended(&game, 0));
        }
    }
}

/// Returns the ticks at which a player's matches ended.
fn ended(game: &Game, player: usize) -> Vec<Tick> {
    let events = events(game, player).into_iter();
    let ended = events.filter_map(|event| match event {
        RollbackEvent::Ended { at_tick } => Some(at_tick),
        _ => None,
    });
    ended.collect()
}

#[test]
fn match_continues_if_a_player_wants_no_rematch() {
    let mut game = game(2, wifi(), []);
    play_until(&mut game, secs(2));
    let setup = setups(2).swap_remove(0);
    let setup = RollbackSetup {
        start_limit: secs(3),
        ..setup
    };
    game.rematch(0, setup);
    for end in [3, 4, 5, 6, 7] {
        let before = game.session(1).tick();
        game.run_until(secs(end));
        assert!(game.session(1).tick().since(before) > 50);
    }
    assert_eq!(game.left(0), []);
    assert!(ended(&game, 0).is_empty());
    let failed = events(&game, 0);
    assert!(matches!(failed.last(), Some(RollbackEvent::StartFailed(_))));
}

#[test]
fn member_without_a_seat_in_the_rematch_continues_alone() {
    let mut game = game(3, wifi(), []);
    play_until(&mut game, secs(2));
    for (player, setup) in setups(2).into_iter().enumerate() {
        game.rematch(player, setup);
    }
    play_until(&mut game, secs(6));
    for player in 0..2 {
        assert_eq!(game.session(player).number(), Some(1));
        assert!(game.session(player).tick().0 > 100);
    }
    let end = ended(&game, 0);
    assert_eq!((end.len(), ended(&game, 1)), (1, end.clone()));
    let left = game.left(2);
    assert_eq!(left.len(), 2);
    for (_, at_tick, _) in left {
        // The inputs that were sampled before the end take effect later by the input delay.
        assert!(
            (0..=16).contains(&at_tick.since(end[0])),
            "{at_tick} {end:?}"
        );
    }
    assert_eq!(game.session(2).number(), Some(0));
    assert_eq!(game.session(2).members(), [peer(2)]);
    assert!(game.session(2).tick().0 > 180);
}
