//! Starts of matches: all players start together, or all report the same error.

use std::time::Duration;

use huddle_rollback::{
    RollbackEvent, RollbackSession, RollbackSetup, SettingDifference, StartError,
};
use huddle_session::{Tick, TickRate};
use huddle_sim::{Conditions, Fault, Simulation, Trouble, Weather};

use crate::scene::{Game, conditions, events, game, ms, peer, play_until, secs, setups, wifi};

/// Returns the error of a start that failed.
fn start_error(game: &Game, player: usize) -> StartError {
    match &events(game, player)[..] {
        [RollbackEvent::StartFailed(error)] => error.clone(),
        other => panic!("player {player}: {other:?}"),
    }
}

#[test]
fn missing_player_is_reported_at_the_time_limit() {
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
        let StartError::Missing { limit, silent, .. } = start_error(&game, player) else {
            panic!("{}", start_error(&game, player));
        };
        assert_eq!((limit, silent), (secs(4), vec![peer(2)]));
    }
}

#[test]
fn all_players_report_different_rules_with_their_values() {
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
        let StartError::Settings { peer, differences } = start_error(&game, player) else {
            panic!("{}", start_error(&game, player));
        };
        assert_eq!(peer, crate::scene::peer(1 - player));
        let [SettingDifference { name, mine, theirs }] = &differences[..] else {
            panic!("{differences:?}");
        };
        let [here, there] = maps.map(|map| Some(map.to_owned()));
        assert_eq!((name.as_str(), mine, theirs), ("map", &here, &there));
    }
}

/// Starts a match over a bad network. Returns the number of ticks from the last player to the first one,
/// two seconds after the start.
fn max_difference(seed: u64, players: usize, rate: f64, fault: Option<Fault>) -> u32 {
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
    // The window is wide, because waits for inputs would reduce the difference.
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
fn all_players_start_together_over_a_bad_network() {
    for players in [2, 4] {
        for hz in [60.0, 120.0] {
            let seeds = 1..=40;
            let differences = seeds.map(|seed| max_difference(seed, players, hz, None));
            let mut differences: Vec<_> = differences.collect();
            differences.sort_unstable();
            let tick = hz as u32 / 60;
            assert!(
                differences[20] <= tick && differences[39] <= 3 * tick,
                "{differences:?}"
            );
        }
    }
}

#[test]
fn players_wait_for_a_player_that_freezes_before_the_first_tick() {
    let mut differences: Vec<_> = (1..=20)
        .flat_map(|seed| [600, 700, 800].map(|at| (seed, at)))
        .map(|(seed, at)| {
            let freeze = Fault {
                at: ms(at),
                what: Trouble::Freeze(1, ms(500)),
            };
            max_difference(seed, 3, 60.0, Some(freeze))
        })
        .collect();
    differences.sort_unstable();
    assert!(differences[59] <= 4, "{differences:?}");
}

#[test]
fn player_that_starts_last_receives_all_earlier_inputs() {
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
            // The player requested the inputs at its start, not after packets without new inputs.
            let restarts = game.outcome(player).stats.restarts;
            assert_eq!(restarts, 0, "player {player}, cut at {at} ms");
        }
    }
}

#[test]
fn player_that_leaves_before_the_first_tick_leaves_for_all_others() {
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
            game.run_until(secs(11));
            let ticks = [0, 2].map(|player| game.session(player).tick().0);
            match ticks {
                [0, 0] => {
                    let error = match leaves {
                        true => StartError::Left { peer: peer(1) },
                        false => StartError::Lost { peer: peer(1) },
                    };
                    let errors = [0, 2].map(|player| start_error(&game, player));
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
fn player_lost_at_the_moment_of_readiness_has_left() {
    let new = |player| {
        let setup = RollbackSetup::<u8>::new(peer(player), vec![peer(0), peer(1)]);
        RollbackSession::new(setup, ms(0)).unwrap()
    };
    let mut sessions = [new(0), new(1)];
    let mut now = ms(0);
    // Messages arrive before the next step. The loop ends when all are ready and none has stepped since.
    while sessions[0].waiting_for().next().is_some() {
        now += ms(16);
        for session in &mut sessions {
            session.step(now, |_, _| 0).unwrap();
        }
        for (from, to) in [(0, 1), (1, 0)] {
            while let Some((_, message)) = sessions[from].poll_message() {
                let received = sessions[to].receive_message(peer(from), message, now);
                received.unwrap();
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

/// Plays three matches in the same room.
/// Runs until each of these players has simulated this many ticks or failed. Returns the time that this
/// took.
fn time_to_settle(game: &mut Game, players: &[usize], ticks: u32, limit: Duration) -> Duration {
    let began = game.now();
    let is_settled = |game: &Game, player: usize| {
        let events = events(game, player);
        let has_failed = |event: &RollbackEvent| matches!(event, RollbackEvent::StartFailed(_));
        game.session(player).tick().0 >= ticks || events.iter().any(has_failed)
    };
    while game.now() < began + limit && !players.iter().all(|&player| is_settled(game, player)) {
        let soon = game.now() + ms(10);
        game.run_until(soon);
    }
    game.now() - began
}

#[test]
fn departure_before_the_match_delays_the_others_by_less_than_half_a_second() {
    // The player leaves while a third player is missing, or at any moment around the start.
    for at in (50..1200).step_by(50) {
        let conditions = Conditions {
            faults: vec![Fault {
                at: ms(at),
                what: Trouble::Leave(1),
            }],
            begins: vec![ms(0), ms(0), ms(if at < 300 { 5000 } else { 0 })],
            ..conditions(wifi())
        };
        let mut game: Game = Simulation::new(conditions, setups(3));
        game.run_until(ms(at));
        let before = game.session(0).tick().0;
        // The countdown takes this time without the departure as well.
        let countdown = match events(&game, 0).is_empty() || before > 0 {
            true => ms(0),
            false => ms(1400),
        };
        let took = time_to_settle(&mut game, &[0], before + 30, secs(8));
        let play = game.session(0).tick().0.saturating_sub(before) * 17;
        let cost = took.saturating_sub(ms(play.into()) + countdown);
        assert!(cost < ms(500), "gone at {at} ms: {took:?}");
    }
}

#[test]
fn loss_of_a_ready_player_delays_the_others_by_less_than_four_seconds() {
    let mut vanished = 0;
    for at in (50..700).step_by(10) {
        let what = Trouble::Vanish {
            players: vec![1],
            noticed_after: secs(60),
        };
        let mut game = game(3, wifi(), [(ms(at), what)]);
        game.run_until(ms(at));
        if events(&game, 1).is_empty() || game.session(1).tick() != Tick(0) {
            continue;
        }
        vanished += 1;
        let took = time_to_settle(&mut game, &[0, 2], 60, secs(12));
        // This includes a second of play.
        assert!(took < secs(5), "gone at {at} ms: {took:?}");
    }
    assert!(vanished >= 10, "{vanished}");
}

#[test]
fn players_with_different_match_numbers_start_together() {
    let setups = setups(3).into_iter().zip([3, 0, 1]);
    let setups = setups.map(|(setup, number)| RollbackSetup { number, ..setup });
    let mut game: Game = Simulation::new(conditions(wifi()), setups);
    play_until(&mut game, secs(3));
    for player in 0..3 {
        assert_eq!(game.session(player).number(), Some(3));
        assert!(game.session(player).tick().0 > 100);
    }
}

#[test]
fn missing_link_delays_the_start_by_less_than_a_second() {
    let started = |faults: Vec<Fault>| {
        let conditions = Conditions {
            faults,
            ..conditions(wifi())
        };
        let mut game: Game = Simulation::new(conditions, setups(3));
        play_until(&mut game, secs(6));
        [0, 1, 2].map(|player| game.session(player).confirmed().0)
    };
    let all = started(Vec::new());
    let cut = Trouble::Cut(1, 2, secs(1000));
    let without = started(vec![Fault {
        at: ms(0),
        what: cut,
    }]);
    for (all, without) in all.into_iter().zip(without) {
        assert!(without + 60 > all, "{without} of {all}");
    }
}

#[test]
fn all_players_report_the_same_error_if_no_player_can_relay() {
    let faults = [0, 1].map(|player| Fault {
        at: ms(0),
        what: Trouble::Cut(player, 2, secs(1000)),
    });
    let conditions = Conditions {
        faults: faults.into(),
        begins: vec![ms(0), ms(800), ms(0)],
        ..conditions(wifi())
    };
    let setups = setups(3).into_iter().map(|setup| RollbackSetup {
        start_limit: secs(4),
        ..setup
    });
    let mut game: Game = Simulation::new(conditions, setups);
    game.run_until(ms(4150));
    let errors = [0, 1].map(|player| start_error(&game, player));
    assert_eq!(errors[0], errors[1]);
}
