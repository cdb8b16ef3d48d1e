//! How games start, or do not, and how one follows another.

use huddle_rollback::{
    RollbackEvent, RollbackSession, RollbackSetup, SettingDifference, StartError,
};
use huddle_session::TickRate;
use huddle_sim::{Conditions, Fault, Simulation, Trouble, Weather};

use crate::scene::{Game, conditions, events, game, ms, peer, play_until, secs, setups, wifi};

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

/// Among so many players over a bad network, how many ticks the first is before the last, two seconds
/// after all have started.
fn apart(seed: u64, players: usize, rate: f64, fault: Option<Fault>) -> u32 {
    let mobile = Weather {
        loss: 0.05,
        jitter: ms(40),
        ..Weather::from_rtt(ms(150))
    };
    let conditions = Conditions {
        seed,
        faults: fault.into_iter().collect(),
        follows_speed: false,
        starts_fine: false,
        ..conditions(mobile)
    };
    // Nobody has to wait for inputs, which would bring them together.
    let setups = setups(players).into_iter().map(|setup| RollbackSetup {
        window: 64,
        rate: TickRate::from_hz(rate).unwrap(),
        ..setup
    });
    let mut game: Game = Simulation::new(conditions, setups);
    assert!(game.run_until_started(secs(10)));
    let end = game.now() + secs(2);
    play_until(&mut game, end);
    let ticks = (0..players).map(|player| game.session(player).tick().0);
    ticks.clone().max().unwrap() - ticks.min().unwrap()
}

#[test]
fn all_begin_together_although_they_hear_at_different_times_that_all_are_ready() {
    for players in [2, 4] {
        for hz in [60.0, 120.0] {
            let seeds = 1..=40;
            let mut apart: Vec<_> = seeds.map(|seed| apart(seed, players, hz, None)).collect();
            apart.sort_unstable();
            let tick = hz as u32 / 60;
            assert!(apart[20] <= tick && apart[39] <= 3 * tick, "{apart:?}");
        }
    }
}

#[test]
fn who_stands_still_before_the_first_tick_is_waited_for() {
    let mut apart: Vec<_> = (1..=20)
        .flat_map(|seed| [600, 700, 800].map(|at| (seed, at)))
        .map(|(seed, at)| {
            let freeze = Fault {
                at: ms(at),
                what: Trouble::Freeze(1, ms(500)),
            };
            apart(seed, 3, 60.0, Some(freeze))
        })
        .collect();
    apart.sort_unstable();
    assert!(apart[59] <= 4, "{apart:?}");
}

#[test]
fn who_learns_after_the_others_have_begun_that_all_are_ready_gets_their_inputs() {
    for at in (200..800).step_by(6) {
        let what = Trouble::Cut(1, 2, ms(2200));
        let conditions = Conditions {
            faults: vec![Fault { at: ms(at), what }],
            starts_fine: false,
            ..conditions(wifi())
        };
        let mut game: Game = Simulation::new(conditions, setups(3));
        play_until(&mut game, secs(8));
        for player in 0..3 {
            assert_eq!(game.left(player), [], "cut at {at} ms");
            let tick = game.session(player).confirmed();
            assert!(tick.0 > 180, "cut at {at} ms: {tick}");
            // They were asked for at once, and not for want of anything new.
            let restarts = game.outcome(player).stats.restarts;
            assert_eq!(restarts, 0, "player {player}, cut at {at} ms");
        }
    }
}

#[test]
fn who_goes_before_the_first_tick_is_gone_for_all_others() {
    for at in (50..1200).step_by(25) {
        for leaves in [true, false] {
            let what = match leaves {
                true => Trouble::Leave(1),
                false => Trouble::Vanish {
                    players: vec![1],
                    noticed_after: ms(300),
                },
            };
            let mut game = game(3, wifi(), [(ms(at), what)]);
            // Its goodbye may be lost, and then it is gone once its link is given up.
            game.run_until(secs(11));
            let ticks = [0, 2].map(|player| game.session(player).tick().0);
            match ticks {
                [0, 0] => {
                    let error = StartError::Lost { peer: peer(1) };
                    let errors = [0, 2].map(|player| why_not_started(&game, player));
                    assert_eq!(errors, [error.clone(), error], "gone at {at} ms");
                }
                _ => {
                    game.verdict().unwrap();
                    assert_eq!(game.left(0), game.left(2), "gone at {at} ms");
                    assert_eq!(game.left(0).len(), 1, "gone at {at} ms");
                    assert!(ticks.iter().all(|&tick| tick > 150), "{at} ms: {ticks:?}");
                }
            }
        }
    }
}

#[test]
fn who_is_lost_just_as_all_are_ready_has_left() {
    let new = |me| {
        let setup = RollbackSetup::<u8>::new(peer(me), vec![peer(0), peer(1)]);
        RollbackSession::new(setup, ms(0)).unwrap()
    };
    let mut sessions = [new(0), new(1)];
    let mut now = ms(0);
    // What is sent in a step arrives before the next, until all are ready but have not stepped.
    while sessions[0].waiting_for().next().is_some() {
        now += ms(16);
        for session in &mut sessions {
            session.step(now, |_, _| 0).unwrap();
        }
        for (from, to) in [(0, 1), (1, 0)] {
            while let Some((_, message)) = sessions[from].poll_message() {
                let taken = sessions[to].receive_message(peer(from), message, now);
                taken.unwrap();
            }
        }
    }
    let [session, _] = &mut sessions;
    session.lost(peer(1), now);
    session.step(now, |_, _| 0).unwrap();
    let events: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
    assert!(
        matches!(
            events[..],
            [
                RollbackEvent::Started { .. },
                RollbackEvent::SeatLeft { .. },
                ..
            ]
        ),
        "{events:?}"
    );
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
