//! What a driver keeps does not depend on the length of a match.

use super::*;

/// Plays with two seats, of which the second one's inputs arrive `late` ticks late. Returns the
/// maximum number of inputs and saves after each step of the second half.
fn most_kept(settings: DriverSettings, late: impl Fn(u32) -> u32) -> (usize, usize) {
    let mut driver = driver(2, settings);
    let mut game = Game::new();
    let (mut inputs, mut saves) = (0, 0);
    for tick in 0..2000u32 {
        append(&mut driver, 0, &[tick as u8]);
        let until = tick.saturating_sub(late(tick));
        while driver.next_input(Seat(1)).unwrap().0 <= until {
            append(&mut driver, 1, &[tick as u8]);
        }
        game.step(&mut driver, true);
        if tick >= 1000 {
            inputs = inputs.max(driver.kept());
            saves = saves.max(driver.saved());
        }
    }
    assert_eq!(game.tick, 2000);
    (inputs, saves)
}

#[test]
fn confirmed_match_stores_no_states_without_checksums() {
    for save_every in [1, 4] {
        // An early misprediction makes saves necessary, and then all inputs arrive in time.
        let late = |tick| if tick < 100 { 3 } else { 0 };
        assert_eq!(most_kept(settings(8, save_every, 0), late), (0, 0));
    }
}

#[test]
fn predicted_match_keeps_what_a_rollback_needs() {
    for checksum_every in [0, 500] {
        let (inputs, saves) = most_kept(settings(8, 1, checksum_every), |_| 3);
        assert!(inputs <= 2 * 5, "{inputs}");
        assert!(saves <= 6, "{saves}");
    }
}

#[test]
fn checksums_of_confirmed_ticks_store_no_states() {
    assert_eq!(most_kept(settings(8, 1, 500), |_| 0), (0, 0));
}

#[test]
fn last_player_stores_no_states_without_checksums() {
    let mut driver = driver(2, settings(8, 2, 7));
    let mut game = Game::new();
    append(&mut driver, 0, &[0; 1000]);
    append(&mut driver, 1, &[0; 20]);
    for _ in 0..25 {
        game.step(&mut driver, true);
    }
    driver.finish(Seat(1), Tick(20));
    driver.stop_checksums();
    for _ in 0..50 {
        game.step(&mut driver, true);
    }
    assert!(game.saved.is_empty());
    assert_eq!(driver.kept(), 1000 - 75);
}

#[test]
fn confirmed_ticks_are_not_saved() {
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
fn saves_are_as_sparse_as_requested() {
    let mut driver = driver(2, settings(8, 4, 0));
    let mut game = Game::new();
    append(&mut driver, 0, &[0; 20]);
    for _ in 0..8 {
        game.step(&mut driver, true);
    }
    assert_eq!(game.saved.keys().copied().collect::<Vec<_>>(), [0, 4]);
    append(&mut driver, 1, &[0, 0, 0, 0, 0, 0, 7]);
    assert_eq!(game.step(&mut driver, false).resimulated, 4);
}

#[test]
fn recent_save_is_kept_for_the_next_predicted_tick() {
    let mut driver = driver(2, settings(8, 4, 0));
    let mut game = Game::new();
    let mut saved = 0;
    for tick in 0..40 {
        // Every second tick is predicted, and confirmed before the next one.
        let is_predicted = tick % 2 == 0;
        append(&mut driver, 0, &[0]);
        if !is_predicted {
            append(&mut driver, 1, &[0]);
        }
        let before: Vec<_> = game.saved.keys().copied().collect();
        game.step(&mut driver, true);
        saved += usize::from(game.saved.keys().any(|tick| !before.contains(tick)));
        if is_predicted {
            append(&mut driver, 1, &[0]);
        }
        assert!(game.saved.len() <= 2, "tick {tick}: {:?}", game.saved);
    }
    assert_eq!(saved, 10);
}

#[test]
fn only_states_with_checksums_are_hashed() {
    let mut driver = driver(2, settings(8, 1, 5));
    let mut game = Game::new();
    append(&mut driver, 0, &[0; 20]);
    for _ in 0..8 {
        game.step(&mut driver, true);
    }
    let hashed: Vec<_> = game
        .saved
        .iter()
        .filter(|(_, save)| save.wants_checksum)
        .map(|(tick, _)| *tick)
        .collect();
    assert_eq!(hashed, [5]);
}
