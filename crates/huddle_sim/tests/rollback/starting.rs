//! How games start, or do not, and how one follows another.

use std::time::Duration;

use huddle_rollback::{
    RollbackEvent, RollbackSession, RollbackSetup, SettingDifference, StartError,
};
use huddle_session::{Tick, TickRate};
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
            game.run_until(secs(11));
            let ticks = [0, 2].map(|player| game.session(player).tick().0);
            match ticks {
                [0, 0] => {
                    let error = match leaves {
                        true => StartError::Left { peer: peer(1) },
                        false => StartError::Lost { peer: peer(1) },
                    };
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

/// Runs until all of these players have simulated this many ticks or failed. Returns how long it took.
fn settled(game: &mut Game, players: &[usize], ticks: u32, limit: Duration) -> Duration {
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
fn player_that_leaves_before_the_match_costs_the_others_less_than_half_a_second() {
    // While a third player is missing, and at any moment around the start.
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
        // What the countdown takes anyway.
        let countdown = match events(&game, 0).is_empty() || before > 0 {
            true => ms(0),
            false => ms(1400),
        };
        let took = settled(&mut game, &[0], before + 30, secs(8));
        let play = game.session(0).tick().0.saturating_sub(before) * 17;
        let cost = took.saturating_sub(ms(play.into()) + countdown);
        assert!(cost < ms(500), "gone at {at} ms: {took:?}");
    }
}

#[test]
fn player_that_vanishes_when_it_is_ready_costs_the_others_less_than_four_seconds() {
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
        let took = settled(&mut game, &[0, 2], 60, secs(12));
        // A second of ticks is played.
        assert!(took < secs(5), "gone at {at} ms: {took:?}");
    }
    assert!(vanished >= 10, "{vanished}");
}

#[test]
fn players_that_count_differently_start_together() {
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
fn missing_link_costs_less_than_a_second() {
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
fn if_no_player_can_relay_all_report_the_same_at_the_same_time() {
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
    let errors = [0, 1].map(|player| why_not_started(&game, player));
    assert_eq!(errors[0], errors[1]);
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
            // The players call for it one after the other, and the match goes on meanwhile.
            for (player, setup) in setups(players).into_iter().map(often).enumerate() {
                game.rematch(player, setup);
                let soon = game.now() + ms(90);
                play_until(&mut game, soon);
            }
            let asked = game.now();
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
                let took = game.now() - asked;
                assert!(took < secs(4), "rematch {number} of {players} players");
            }
            // Each has confirmed the whole match before.
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

/// At which ticks a player's matches ended.
fn ended(game: &Game, player: usize) -> Vec<Tick> {
    let events = events(game, player).into_iter();
    let ended = events.filter_map(|event| match event {
        RollbackEvent::Ended { at_tick } => Some(at_tick),
        _ => None,
    });
    ended.collect()
}

#[test]
fn match_goes_on_if_a_player_wants_no_rematch() {
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
fn member_without_a_seat_in_the_rematch_plays_on_alone() {
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
    assert_eq!(game.session(2).number(), Some(0));
    assert_eq!(game.session(2).members(), [peer(2)]);
    assert!(game.session(2).tick().0 > 180);
}
