use std::time::Duration;

use huddle_rollback::{DelayPolicy, RollbackSetup};

use super::{Conditions, Simulation};
use crate::{
    play::{
        bounds::{Bounds, SILENCE},
        fault::{Fault, Trouble},
        game::HashGame,
        player::{Loss, peer_id},
    },
    weather::Weather,
};

/// Plays a match of two players for six seconds.
fn play(bounds: Bounds, fault: Option<(u64, Trouble)>) -> Simulation<HashGame> {
    let mut simulation = new(bounds, fault);
    simulation.run_until(Duration::from_secs(6));
    simulation
}

/// Creates a match of two players.
fn new(bounds: Bounds, fault: Option<(u64, Trouble)>) -> Simulation<HashGame> {
    let at = Duration::from_millis;
    let faults = fault.map(|(ms, what)| Fault { at: at(ms), what });
    let conditions = Conditions {
        seed: 1,
        weather: Weather::from_rtt(at(60)),
        faults: faults.into_iter().collect(),
        drift: Vec::new(),
        follows_speed: true,
        starts_fine: false,
        begins: Vec::new(),
        inputs: Box::new(|_, tick| vec![tick.0 as u8]),
    };
    let seats = [0, 1].map(peer_id);
    let setup = |index: usize| RollbackSetup {
        nonce: index as u64,
        delay: DelayPolicy::Fixed(0),
        ..RollbackSetup::new(peer_id(index), seats.to_vec())
    };
    let mut simulation = Simulation::new(conditions, [0, 1].map(setup));
    simulation.set_bounds(bounds);
    simulation
}

#[test]
fn match_that_exceeds_a_bound_fails() {
    let ms = Duration::from_millis;
    let default = Bounds::default;
    let freeze = Some((3000, Trouble::Freeze(1, ms(500))));
    let leave = Some((3000, Trouble::Withdraw(1)));
    let (start, wait) = (ms(300), ms(100));
    for (bounds, fault, expected) in [
        (default(), None, ""),
        (default(), freeze.clone(), ""),
        (default(), leave.clone(), ""),
        (Bounds { start, ..default() }, None, "to start"),
        (
            default(),
            Some((100, Trouble::Remove(1))),
            "could not start",
        ),
        (
            Bounds {
                may_leave: false,
                ..default()
            },
            leave,
            "seat 1 left",
        ),
        (Bounds { wait, ..default() }, None, ""),
        (Bounds { wait, ..default() }, freeze, "waited for"),
        (
            Bounds {
                rate: 50.0,
                ..default()
            },
            None,
            "",
        ),
        (
            Bounds {
                rate: 200.0,
                ..default()
            },
            None,
            "should be at",
        ),
        (
            Bounds {
                saves: 1,
                ..default()
            },
            None,
            "saved states",
        ),
        (
            Bounds {
                inputs: 10,
                ..default()
            },
            None,
            "inputs, more than 10",
        ),
    ] {
        let verdict = play(bounds.clone(), fault.clone()).verdict();
        let text = verdict.err().unwrap_or_default();
        let is_expected = text.contains(expected) && text.is_empty() == expected.is_empty();
        assert!(is_expected, "{fault:?}: '{text}' instead of '{expected}'");
    }
}

#[test]
fn machine_that_catches_up_loses_no_ticks() {
    let ticks = [true, false].map(|catches_up| {
        let hitch = Trouble::Hitch {
            player: 1,
            lasts: Duration::from_millis(100),
            every: Duration::from_secs(1),
            catches_up,
        };
        play(Bounds::default(), Some((0, hitch)))
            .session(1)
            .tick()
            .0
    });
    assert!(ticks[0] > ticks[1] + 15, "{ticks:?}");
}

#[test]
fn game_hangs_and_the_link_stays() {
    let lasts = Duration::from_millis(2000);
    let hang = Trouble::Hang(1, lasts);
    let simulation = play(Bounds::default(), Some((3000, hang)));
    assert_eq!(simulation.left(0), []);
    let waited = simulation.outcome(0).stats.longest_wait;
    assert!(
        waited.abs_diff(lasts) < Duration::from_millis(300),
        "{waited:?}"
    );
}

#[test]
fn link_that_one_player_gave_up_opens_again() {
    let secs = Duration::from_secs;
    let mut simulation = new(Bounds::default(), None);
    simulation.run_until(secs(3));
    simulation.lose(0, 1, Loss::Link);
    simulation.run_until(secs(3) + SILENCE / 2);
    assert!(simulation.players[1].linked.contains_key(&0));
    simulation.run_until(secs(4) + SILENCE);
    for (index, other) in [(0, 1), (1, 0)] {
        assert!(simulation.players[index].linked.contains_key(&other));
    }
}
