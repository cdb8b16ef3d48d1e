use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::predict::{Decay, RepeatLast};

/// A game whose state is a hash of all that was ever done, and which checks what it is asked for.
struct Game {
    state: u64,
    tick: u32,
    saved: BTreeMap<u32, u64>,
    checksums: BTreeMap<u32, u64>,
    most_saved: usize,
    advanced: u32,
    loads: Vec<u32>,
}

fn fold(state: u64, tick: u32, inputs: &[SeatInput<u8>]) -> u64 {
    inputs.iter().fold(state ^ u64::from(tick), |state, seat| {
        let absent = u64::from(seat.status == InputStatus::Absent);
        (state ^ u64::from(seat.input) ^ absent << 8)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(23)
    })
}

impl Game {
    fn new() -> Self {
        Self {
            state: 1,
            tick: 0,
            saved: BTreeMap::new(),
            checksums: BTreeMap::new(),
            most_saved: 0,
            advanced: 0,
            loads: Vec::new(),
        }
    }

    fn step(&mut self, driver: &mut Driver<u8>, advance: bool) -> Begun {
        let begun = driver.begin(advance);
        while let Some(request) = driver.request(|_| false) {
            match request {
                Request::Save { tick } => {
                    assert_eq!(tick, Tick(self.tick));
                    self.saved.insert(tick.0, self.state);
                    self.most_saved = self.most_saved.max(self.saved.len());
                }
                Request::Load { tick } => {
                    self.state = self.saved[&tick.0];
                    self.tick = tick.0;
                    self.loads.push(tick.0);
                }
                Request::Advance(frame) => {
                    assert_eq!(frame.tick, Tick(self.tick));
                    self.state = fold(self.state, self.tick, frame.inputs);
                    self.tick += 1;
                    self.advanced += 1;
                }
                Request::Checksum { tick } => {
                    let state = self.saved[&tick.0];
                    assert_eq!(self.checksums.insert(tick.0, state), None);
                }
                Request::Release { tick } => assert!(self.saved.remove(&tick.0).is_some()),
            }
        }
        assert_eq!(driver.saved(), self.saved.len());
        begun
    }
}

/// The states before each tick, when all is known from the start.
fn truth(inputs: &[Vec<u8>], ends: &[Option<u32>], ticks: u32) -> Vec<u64> {
    let mut states = vec![1];
    for tick in 0..ticks {
        let frame: Vec<_> = inputs
            .iter()
            .zip(ends)
            .map(|(inputs, end)| match end {
                Some(end) if *end <= tick => SeatInput {
                    input: 0,
                    status: InputStatus::Absent,
                },
                _ => SeatInput {
                    input: inputs[tick as usize],
                    status: InputStatus::Confirmed,
                },
            })
            .collect();
        states.push(fold(states[tick as usize], tick, &frame));
    }
    states
}

fn settings(window: u8, save_every: u8, checksum_every: u16) -> DriverSettings {
    DriverSettings {
        window,
        save_every,
        checksum_every,
    }
}

fn driver(seats: usize, settings: DriverSettings) -> Driver<u8> {
    Driver::new(seats, Box::new(RepeatLast), settings)
}

fn append(driver: &mut Driver<u8>, seat: u8, inputs: &[u8]) {
    for &input in inputs {
        driver.append(Seat(seat), input);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn whatever_comes_late_the_state_is_as_if_all_had_been_known(
        seats in prop::collection::vec(
            // Inputs that change seldom, so that some guesses are right.
            (prop::collection::vec(prop_oneof![3 => Just(None), 1 => (0u8..3).prop_map(Some)], 120), any::<bool>(), 1u32..110),
            1..5,
        ),
        arrivals in prop::collection::vec((0usize..5, 0usize..6), 900),
        window in 0u8..12,
        save_every in 1u8..6,
        decays: bool,
    ) {
        let inputs: Vec<Vec<u8>> = seats
            .iter()
            .map(|(changes, ..)| {
                let mut last = 0;
                changes.iter().map(|change| { last = change.unwrap_or(last); last }).collect()
            })
            .collect();
        let mut ends: Vec<_> = seats.iter().map(|&(_, leaves, end)| leaves.then_some(end)).collect();
        ends[0] = None;
        let predict: Box<dyn Predict<u8>> = if decays { Box::new(Decay { ticks: 3 }) } else { Box::new(RepeatLast) };
        let mut driver = Driver::new(seats.len(), predict, settings(window, save_every, 7));
        let mut game = Game::new();
        let mut sent = vec![0usize; seats.len()];
        let mut finished = vec![false; seats.len()];
        for (seat, count) in arrivals {
            if let Some(sent) = sent.get_mut(seat) {
                let until = (*sent + count).min(ends[seat].map_or(120, |end| end as usize));
                append(&mut driver, seat as u8, &inputs[seat][*sent..until]);
                *sent = until;
                if ends[seat] == Some(until as u32) && !std::mem::replace(&mut finished[seat], true) {
                    driver.finish(Seat(seat as u8), Tick(until as u32));
                }
            }
            if driver.current().0 == 110 {
                break;
            }
            let before = driver.current();
            let wrong = driver.wrong;
            let begun = game.step(&mut driver, true);
            prop_assert_eq!(driver.current(), before + u32::from(begun.is_new));
            // No more is simulated again than the way from the newest save before what was wrong.
            let most = wrong.map_or(0, |wrong| before.since(wrong) as u32 + u32::from(save_every) - 1);
            prop_assert!(begun.repeated <= most);
            prop_assert!(begun.repeated <= u32::from(window) + u32::from(save_every));
            let known = driver.known_until().map_or(driver.current(), |known| known);
            prop_assert!(driver.current().since(known) <= i32::from(window));
        }
        let truth = truth(&inputs, &ends, 110);
        // Then all comes that is missing.
        for seat in 0..seats.len() {
            let until = ends[seat].map_or(120, |end| end as usize);
            append(&mut driver, seat as u8, &inputs[seat][sent[seat]..until]);
            if ends[seat].is_some() && !finished[seat] {
                driver.finish(Seat(seat as u8), Tick(until as u32));
            }
        }
        while driver.current().0 < 110 {
            prop_assert!(game.step(&mut driver, true).is_new);
        }
        game.step(&mut driver, false);
        prop_assert_eq!(game.state, truth[110]);
        for (tick, state) in &game.checksums {
            prop_assert_eq!(*state, truth[*tick as usize], "tick {}", tick);
        }
        prop_assert_eq!(game.checksums.len(), 109 / 7);
        prop_assert!(game.most_saved <= usize::from(window) + 4, "{} saves", game.most_saved);
    }
}

#[test]
fn the_first_tick_can_be_wrong() {
    let mut driver = driver(2, settings(8, 1, 0));
    let mut game = Game::new();
    for _ in 0..3 {
        append(&mut driver, 0, &[5]);
        game.step(&mut driver, true);
    }
    append(&mut driver, 1, &[9]);
    let begun = game.step(&mut driver, false);
    assert_eq!(
        begun,
        Begun {
            repeated: 3,
            is_new: false
        }
    );
    assert_eq!(game.loads, [0]);
}

#[test]
fn right_guesses_cost_nothing() {
    let mut driver = driver(2, settings(8, 1, 0));
    let mut game = Game::new();
    append(&mut driver, 0, &[0; 20]);
    for _ in 0..5 {
        game.step(&mut driver, true);
    }
    append(&mut driver, 1, &[0; 5]);
    assert_eq!(
        game.step(&mut driver, true),
        Begun {
            repeated: 0,
            is_new: true
        }
    );
    assert!(game.loads.is_empty());
}

#[test]
fn only_as_much_is_repeated_as_was_wrong() {
    let mut driver = driver(2, settings(8, 1, 0));
    let mut game = Game::new();
    append(&mut driver, 0, &[0; 20]);
    for _ in 0..8 {
        game.step(&mut driver, true);
    }
    assert_eq!(game.saved.len(), 8);
    append(&mut driver, 1, &[0, 0, 0, 0, 0, 7]);
    let advanced = game.advanced;
    assert_eq!(game.step(&mut driver, true).repeated, 3);
    assert_eq!(game.advanced - advanced, 4);
    assert_eq!(game.loads, [5]);
}

#[test]
fn what_is_certain_is_not_saved() {
    let mut driver = driver(2, settings(8, 1, 0));
    let mut game = Game::new();
    for seat in 0..2 {
        append(&mut driver, seat, &[1; 30]);
    }
    for _ in 0..30 {
        game.step(&mut driver, true);
    }
    assert_eq!(game.most_saved, 0);
}

#[test]
fn the_window_says_how_far_ahead_of_the_known_a_game_runs() {
    for window in [0, 1, 8] {
        let mut driver = driver(2, settings(window, 1, 0));
        let mut game = Game::new();
        append(&mut driver, 0, &[0; 40]);
        append(&mut driver, 1, &[0; 10]);
        for _ in 0..30 {
            game.step(&mut driver, true);
        }
        // The last one known is that of tick 9.
        assert_eq!(game.tick, 10 + u32::from(window));
        let missing: Vec<_> = driver.missing().iter().collect();
        assert_eq!(missing, [Seat(1)]);
    }
}

#[test]
fn a_seat_that_ends_is_absent_from_that_tick_on() {
    let mut driver = driver(2, settings(8, 1, 0));
    let mut game = Game::new();
    append(&mut driver, 0, &[3; 40]);
    append(&mut driver, 1, &[4; 6]);
    for _ in 0..10 {
        game.step(&mut driver, true);
    }
    driver.finish(Seat(1), Tick(6));
    for _ in 0..10 {
        game.step(&mut driver, true);
    }
    assert_eq!(game.loads, [6]);
    let inputs = [vec![3; 40], vec![4; 40]];
    assert_eq!(game.state, truth(&inputs, &[None, Some(6)], 20)[20]);
}

#[test]
fn saves_are_as_sparse_as_wanted() {
    let mut driver = driver(2, settings(8, 4, 0));
    let mut game = Game::new();
    append(&mut driver, 0, &[0; 20]);
    for _ in 0..8 {
        game.step(&mut driver, true);
    }
    assert_eq!(game.saved.keys().copied().collect::<Vec<_>>(), [0, 4]);
    append(&mut driver, 1, &[0, 0, 0, 0, 0, 0, 7]);
    assert_eq!(game.step(&mut driver, false).repeated, 4);
}
