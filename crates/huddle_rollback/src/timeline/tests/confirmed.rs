use super::*;

#[test]
fn tick_is_reported_as_confirmed_once_all_inputs_are_known() {
    let mut driver = driver(2, settings(8, 1, 0));
    let mut game = Game::new();
    append(&mut driver, 0, &[1, 2, 3, 4]);
    append(&mut driver, 1, &[5]);
    for (known, confirmed) in [(0, 1), (0, 1), (2, 3), (0, 3)] {
        append(&mut driver, 1, &[5, 6, 7][..known]);
        game.step(&mut driver, true);
        assert_eq!(game.confirmed.len(), confirmed);
    }
    let inputs = |tick: usize| game.confirmed[tick].iter().map(|seat| seat.input);
    assert_eq!(inputs(2).collect::<Vec<_>>(), [3, 6]);
}

#[test]
fn inputs_that_arrive_early_are_reported_after_their_tick() {
    let mut driver = driver(1, settings(8, 1, 0));
    let mut game = Game::new();
    append(&mut driver, 0, &[1; 10]);
    game.step(&mut driver, true);
    assert_eq!(game.confirmed.len(), 1);
}

#[test]
fn lag_of_a_seat_is_the_number_of_ticks_simulated_without_its_input() {
    let mut driver = driver(2, settings(8, 1, 0));
    let mut game = Game::new();
    let lags = |driver: &Driver<u8>| [0, 1, 2].map(|seat| driver.lag(Seat(seat)));
    append(&mut driver, 0, &[1; 5]);
    assert_eq!(lags(&driver), [Some(-5), Some(0), None]);
    for ticks in 1..4 {
        game.step(&mut driver, true);
        assert_eq!(lags(&driver), [Some(ticks - 5), Some(ticks), None]);
    }
    append(&mut driver, 1, &[2; 3]);
    assert_eq!(lags(&driver), [Some(-2), Some(0), None]);
    driver.finish(Seat(1), Tick(3));
    assert_eq!(lags(&driver), [Some(-2), None, None]);
}

#[test]
fn absent_seat_is_reported_as_absent() {
    let mut driver = driver(2, settings(8, 1, 0));
    let mut game = Game::new();
    append(&mut driver, 0, &[1; 10]);
    append(&mut driver, 1, &[2; 3]);
    driver.finish(Seat(1), Tick(3));
    for _ in 0..5 {
        game.step(&mut driver, true);
    }
    let status = game.confirmed.iter().map(|inputs| inputs[1].status);
    let absent = status.filter(|status| *status == InputStatus::Disconnected);
    assert_eq!(absent.count(), 2);
}
