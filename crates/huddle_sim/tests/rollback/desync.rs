//! Matches in which the states of the peers differ.

use huddle_rollback::{DelayPolicy, RollbackEvent, RollbackSetup};
use huddle_session::Tick;
use huddle_sim::{Burst, Conditions, Fault, Simulation, Trouble, Weather};

use crate::scene::{Game, conditions, events, ms, peer, play_until, secs, setups};

/// 30 % of the packets are lost, in bursts.
fn bursty() -> Weather {
    Weather {
        loss: 0.02,
        burst: Some(Burst {
            begins: 0.045,
            ends: 0.1,
            loss: 0.95,
        }),
        jitter: ms(60),
        ..Weather::from_rtt(ms(60))
    }
}

fn often_compared(players: usize) -> Game {
    let setups = setups(players).into_iter().map(|setup| RollbackSetup {
        checksum_every: 10,
        ..setup
    });
    Simulation::new(conditions(bursty()), setups)
}

#[test]
fn every_peer_reports_a_desync_and_the_difference() {
    let mut game = often_compared(3);
    play_until(&mut game, secs(5));
    let from = game.session(1).tick() + 40;
    game.break_game(1, from);
    game.run_until(secs(12));
    for (player, others) in [(0, vec![1]), (1, vec![0, 2]), (2, vec![1])] {
        let events = events(&game, player);
        let mut found: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                RollbackEvent::Mismatch(mismatch) => Some((mismatch.peer, mismatch.tick)),
                _ => None,
            })
            .collect();
        found.sort_unstable_by_key(|(peer, _)| *peer);
        let peers: Vec<_> = found.iter().map(|(peer, _)| *peer).collect();
        let expected: Vec<_> = others.into_iter().map(peer).collect();
        assert_eq!(peers, expected, "player {player}");
        for (peer, tick) in found {
            assert!((0..120).contains(&tick.since(from)), "{tick} {from}");
            let report = events.iter().find_map(|event| match event {
                RollbackEvent::Desync(report) if report.peer == peer => Some(report),
                _ => None,
            });
            let report = report.expect("a report");
            assert_eq!((report.tick, report.truncated), (tick, false));
            let [differs] = &report.types[..] else {
                panic!("{report}");
            };
            let [entity] = &differs.entities[..] else {
                panic!("{report}");
            };
            assert_eq!((differs.name.as_str(), entity.id), ("game", 0));
            assert!(entity.mine.is_some() && entity.mine != entity.theirs);
        }
    }
}

/// Checksums of predicted ticks would cause reports, which the oracle counts as failures.
#[test]
fn no_desync_is_reported_over_bad_links() {
    let mut game = often_compared(3);
    play_until(&mut game, secs(12));
    let confirmed = game.session(0).confirmed();
    assert!(confirmed.is_after(Tick(200)), "{confirmed}");
    let rollbacks = game.outcome(0).stats.rollbacks;
    assert!(rollbacks > 50, "{rollbacks}");
}

#[test]
fn every_checksum_is_compared_once_with_every_peer_over_bad_links() {
    let mut game = often_compared(3);
    play_until(&mut game, secs(12));
    for (from, to) in (0..9).map(|path| (path / 3, path % 3)) {
        game.set_weather(from, to, Weather::from_rtt(ms(20)));
    }
    play_until(&mut game, secs(14));
    for player in 0..3 {
        let compared = game.outcome(player).stats.compared;
        // The checksums of a third of a second are in flight.
        let confirmed = u64::from(game.session(player).confirmed().0);
        let limits = 2 * (confirmed - 20) / 10..=2 * confirmed / 10;
        assert!(limits.contains(&compared), "{compared} {limits:?}");
    }
}

/// Creates a match in which inputs arrive in time. States are saved only for checksums.
fn in_time(faults: Vec<Fault>) -> Game {
    let setups = setups(2).into_iter().map(|setup| RollbackSetup {
        delay: DelayPolicy::Fixed(8),
        checksum_every: 10,
        ..setup
    });
    let conditions = Conditions {
        faults,
        ..conditions(Weather::from_rtt(ms(50)))
    };
    Simulation::new(conditions, setups)
}

#[test]
fn checksums_and_saves_stop_after_a_report() {
    let mut game = in_time(Vec::new());
    play_until(&mut game, secs(3));
    let from = game.session(1).tick();
    game.break_game(1, from);
    game.run_until(secs(4));
    let taken = [0, 1].map(|player| game.outcome(player).checksums);
    game.run_until(secs(8));
    for (player, taken) in taken.into_iter().enumerate() {
        let reports = events(&game, player).into_iter();
        let reports = reports.filter(|event| matches!(event, RollbackEvent::Desync(_)));
        assert_eq!(reports.count(), 1);
        assert_eq!(game.outcome(player).checksums, taken);
        let saves = game.session(player).memory().saves;
        assert!(saves <= 1, "{saves}");
    }
}

#[test]
fn last_player_computes_no_checksums_and_keeps_no_states() {
    let leave = Fault {
        at: secs(3),
        what: Trouble::Leave(1),
    };
    let mut game = in_time(vec![leave]);
    play_until(&mut game, ms(2900));
    assert!(game.session(0).memory().saves > 0);
    play_until(&mut game, secs(4));
    let taken = game.outcome(0).checksums;
    play_until(&mut game, secs(8));
    assert_eq!(game.outcome(0).checksums, taken);
    assert!(game.session(0).tick().is_after(Tick(300)));
    let saves = game.session(0).memory().saves;
    assert!(saves <= 1, "{saves}");
}
