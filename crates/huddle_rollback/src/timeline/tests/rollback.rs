use proptest::prelude::*;

use super::*;
use crate::timeline::Decay;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn late_inputs_lead_to_the_same_states_as_known_ones(
        seats in prop::collection::vec(
            // Inputs change rarely, so that some predictions are right.
            (prop::collection::vec(prop_oneof![3 => Just(None), 1 => (0u8..3).prop_map(Some)], 120), any::<bool>(), 1u32..110),
            1..5,
        ),
        // The number of requests that are executed before more inputs arrive.
        arrivals in prop::collection::vec((0usize..5, 0usize..6, prop_oneof![4 => Just(usize::MAX), 1 => 0usize..9]), 900),
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
        for (seat, count, executed) in arrivals {
            if let Some(sent) = sent.get_mut(seat) {
                let until = (*sent + count).min(ends[seat].map_or(120, |end| end as usize));
                append(&mut driver, seat as u8, &inputs[seat][*sent..until]);
                *sent = until;
                if ends[seat] == Some(until as u32) && !std::mem::replace(&mut finished[seat], true) {
                    driver.finish(Seat(seat as u8), Tick(until as u32));
                }
            }
            if driver.is_in_step() {
                while game.execute_next(&mut driver) {}
                continue;
            }
            if driver.current().0 == 110 {
                break;
            }
            let before = driver.current();
            let mispredicted = driver.mispredicted;
            let begun = driver.begin(true);
            let _ = (0..executed).take_while(|_| game.execute_next(&mut driver)).count();
            // A rollback starts at the newest save before the misprediction.
            let most = mispredicted.map_or(0, |tick| before.since(tick) as u32 + u32::from(save_every) - 1);
            prop_assert!(begun.resimulated <= most);
            prop_assert!(begun.resimulated <= u32::from(window) + u32::from(save_every));
            if !driver.is_in_step() {
                prop_assert_eq!(driver.current(), before + u32::from(begun.is_new));
                prop_assert!(driver.current().since(driver.confirmed()) <= i32::from(window));
                // The known inputs that no tick has used yet are not the driver's decision.
                let early = sent.iter().map(|&sent| sent.saturating_sub(driver.confirmed().0 as usize));
                let needed = seats.len() * (usize::from(window) + usize::from(save_every));
                prop_assert!(driver.kept() <= early.sum::<usize>() + needed);
            }
        }
        while game.execute_next(&mut driver) {}
        let truth = truth(&inputs, &ends, 110);
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
        // The confirmed inputs replay the match.
        prop_assert_eq!(game.confirmed.len(), 110);
        let replayed = (0..).zip(&game.confirmed).fold(1, |state, (tick, inputs)| fold(state, tick, inputs));
        prop_assert_eq!(replayed, truth[110]);
    }
}

#[test]
fn first_tick_can_be_mispredicted() {
    let mut driver = driver(2, settings(8, 1, 0));
    let mut game = Game::new();
    for _ in 0..3 {
        append(&mut driver, 0, &[5]);
        game.step(&mut driver, true);
    }
    append(&mut driver, 1, &[9]);
    let begun = game.step(&mut driver, false);
    assert_eq!((begun.resimulated, begun.is_new), (3, false));
    assert_eq!(game.loads, [0]);
}

#[test]
fn right_prediction_causes_no_rollback() {
    let mut driver = driver(2, settings(8, 1, 0));
    let mut game = Game::new();
    append(&mut driver, 0, &[0; 20]);
    for _ in 0..5 {
        game.step(&mut driver, true);
    }
    append(&mut driver, 1, &[0; 5]);
    let begun = game.step(&mut driver, true);
    assert_eq!((begun.resimulated, begun.is_new), (0, true));
    assert!(game.loads.is_empty());
}

#[test]
fn only_mispredicted_ticks_are_resimulated() {
    let mut driver = driver(2, settings(8, 1, 0));
    let mut game = Game::new();
    append(&mut driver, 0, &[0; 20]);
    for _ in 0..8 {
        game.step(&mut driver, true);
    }
    assert_eq!(game.saved.len(), 8);
    append(&mut driver, 1, &[0, 0, 0, 0, 0, 7]);
    let advanced = game.advanced;
    assert_eq!(game.step(&mut driver, true).resimulated, 3);
    assert_eq!(game.advanced - advanced, 4);
    assert_eq!(game.loads, [5]);
}

#[test]
fn prediction_window_limits_the_lead_over_known_inputs() {
    for window in [0, 1, 8] {
        let mut driver = driver(2, settings(window, 1, 0));
        let mut game = Game::new();
        append(&mut driver, 0, &[0; 40]);
        append(&mut driver, 1, &[0; 10]);
        for _ in 0..30 {
            game.step(&mut driver, true);
        }
        // The last known input is that of tick 9.
        assert_eq!(game.tick, 10 + u32::from(window));
        let missing: Vec<_> = driver.missing().iter().collect();
        assert_eq!(missing, [Seat(1)]);
    }
}

#[test]
fn seat_is_absent_from_its_end_on() {
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
fn step_is_over_when_no_request_is_left() {
    let mut driver = driver(1, settings(8, 1, 0));
    assert!(!driver.is_in_step());
    append(&mut driver, 0, &[0]);
    driver.begin(true);
    let mut game = Game::new();
    while driver.is_in_step() {
        game.execute_next(&mut driver);
    }
    assert_eq!(driver.current(), Tick(1));
    driver.begin(true);
}
