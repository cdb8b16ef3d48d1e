//! How games start, or do not, and how one follows another.

use huddle_sync::rollback::{
    RollbackEvent, RollbackSetup, SettingDifference, StartError,
    sim::{Conditions, Simulation, Weather},
};

use crate::scene::{Game, conditions, events, ms, peer, play_until, secs, setups, wifi};

fn why_not_started(game: &Game, player: usize) -> StartError {
    match &events(game, player)[..] {
        [RollbackEvent::StartFailed(error)] => error.clone(),
        other => panic!("player {player}: {other:?}"),
    }
}

#[test]
fn if_somebody_never_comes_the_others_are_told_who_in_time() {
    let conditions = Conditions {
        begins: vec![ms(0), ms(0), secs(1000)],
        ..conditions(wifi())
    };
    let setups = setups(3).into_iter().map(|setup| RollbackSetup {
        start_limit: secs(4),
        ..setup
    });
    let mut game: Game = Simulation::new(conditions, setups);
    game.run_until(ms(4100));
    for player in [0, 1] {
        let StartError::Missing { limit, silent, .. } = why_not_started(&game, player) else {
            panic!("{}", why_not_started(&game, player));
        };
        assert_eq!((limit, silent), (secs(4), vec![peer(2)]));
    }
}

#[test]
fn if_rules_differ_all_are_told_which_and_how() {
    let setups = setups(2).into_iter().zip(["harbour", "castle"]);
    let setups = setups.map(|(mut setup, map)| {
        setup.rules.insert("laps".to_owned(), "3".to_owned());
        setup.rules.insert("map".to_owned(), map.to_owned());
        setup
    });
    let mut game: Game = Simulation::new(conditions(wifi()), setups);
    game.run_until(secs(3));
    for (player, maps) in [["harbour", "castle"], ["castle", "harbour"]]
        .iter()
        .enumerate()
    {
        let StartError::Settings { peer, differences } = why_not_started(&game, player) else {
            panic!("{}", why_not_started(&game, player));
        };
        assert_eq!(peer, crate::scene::peer(1 - player));
        let [SettingDifference { name, mine, theirs }] = &differences[..] else {
            panic!("{differences:?}");
        };
        let [here, there] = maps.map(|map| Some(map.to_owned()));
        assert_eq!((name.as_str(), mine, theirs), ("map", &here, &there));
    }
}

#[test]
fn a_rematch_is_not_disturbed_by_what_is_still_said_of_the_game_before() {
    // In the second, packets of the one game arrive long after the other has begun.
    for (loss, delay, jitter) in [(0.1, 50, 200), (0.0, 2, 900)] {
        let weather = Weather {
            loss,
            jitter: ms(jitter),
            duplication: 0.1,
            ..Weather::from_rtt(ms(2 * delay))
        };
        rematches(weather);
    }
}

fn rematches(weather: Weather) {
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
            // Not all at once.
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
                assert!(tick.0 > 40, "game {number} is at tick {tick}");
            }
        }
    }
}
