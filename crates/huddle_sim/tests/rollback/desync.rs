//! Games that are no longer the same.

use huddle_rollback::{RollbackEvent, RollbackSetup};
use huddle_session::Tick;
use huddle_sim::{Burst, Simulation, Weather};

use crate::scene::{Game, conditions, events, ms, peer, play_until, secs, setups};

/// 30 % are lost, in bursts.
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
fn a_game_that_differs_is_reported_by_all_with_what_differs() {
    let mut game = often_compared(3);
    play_until(&mut game, secs(5));
    let from = game.session(1).tick() + 40;
    game.break_game(1, from);
    game.run_until(secs(12));
    for (player, others) in [(0, vec![1]), (1, vec![0, 2]), (2, vec![1])] {
        let events = events(&game, player);
        let mut told: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                RollbackEvent::Mismatch(mismatch) => Some((mismatch.peer, mismatch.tick)),
                _ => None,
            })
            .collect();
        told.sort_unstable_by_key(|(peer, _)| *peer);
        let peers: Vec<_> = told.iter().map(|(peer, _)| *peer).collect();
        let expected: Vec<_> = others.into_iter().map(peer_of).collect();
        assert_eq!(peers, expected, "player {player}");
        for (peer, tick) in told {
            assert!((0..120).contains(&tick.since(from)), "{tick} {from}");
            let report = events.iter().find_map(|event| match event {
                RollbackEvent::Desync(report) if report.peer == peer => Some(report),
                _ => None,
            });
            let report = report.expect("what differs is found out");
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

fn peer_of(player: usize) -> huddle_session::PeerId {
    peer(player)
}

/// Checksums of ticks that are guessed would be reported as differences, which the oracle forbids.
#[test]
fn in_bad_weather_nothing_is_taken_for_a_difference() {
    let mut game = often_compared(3);
    play_until(&mut game, secs(12));
    let confirmed = game.session(0).confirmed();
    assert!(confirmed.is_after(Tick(200)), "{confirmed}");
    let rollbacks = game.outcome(0).stats.rollbacks;
    assert!(rollbacks > 50, "{rollbacks}");
}
