//! A sample of the matches that `cargo xtask sim --all` plays. A seed determines each match.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use huddle_sim::{Condition, Scenario};

/// Plays matches on all cores. Reduces the first failure, and prints it with the command that
/// reproduces it.
fn play(condition: Condition, matches: &[(usize, u64)], length: Duration) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(&(players, seed)) = matches.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(failure) = Scenario::new(condition, players, seed, length).run() {
                // The other threads start no more matches.
                next.store(matches.len(), Ordering::Relaxed);
                eprintln!("{failure}\n  reducing");
                panic!("{}", Scenario::shrink(failure, |_| {}));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
}

/// Returns the number of players and the seed of each match: this many matches of two, three, four and
/// eight players.
fn matches(of: [u64; 4]) -> Vec<(usize, u64)> {
    let kinds = [2, 3, 4, 8].into_iter().zip(of);
    // The long matches come first, so that all cores are busy until the end.
    kinds
        .rev()
        .flat_map(|(players, seeds)| (1..=seeds).map(move |seed| (players, seed)))
        .collect()
}

const SHORT: Duration = Duration::from_secs(8);
const LONG: Duration = Duration::from_secs(20);

#[test]
fn players_agree_over_good_links() {
    play(Condition::Clean, &matches([10, 6, 4, 1]), SHORT);
}

#[test]
fn players_agree_over_lossy_links() {
    play(Condition::Lossy, &matches([20, 12, 8, 2]), SHORT);
}

#[test]
fn players_agree_over_links_with_bursts_of_loss() {
    play(Condition::Bursty, &matches([20, 12, 8, 2]), SHORT);
}

#[test]
fn players_agree_on_departures_after_partitions() {
    play(Condition::Parting, &matches([30, 40, 30, 4]), LONG);
}

#[test]
fn players_agree_on_departures_when_many_vanish_together() {
    play(Condition::Vanishing, &matches([6, 12, 12, 6]), LONG);
}

#[test]
fn players_agree_without_checksums_and_keep_little() {
    play(Condition::Unchecked, &matches([8, 4, 2, 1]), LONG);
}

#[test]
fn players_agree_on_departures_before_the_first_tick() {
    play(Condition::Withdrawn, &matches([20, 20, 10, 4]), SHORT);
}

#[test]
fn players_start_and_agree_without_some_links() {
    play(Condition::Unlinked, &matches([10, 20, 20, 4]), SHORT);
}

#[test]
fn players_continue_without_a_machine_that_restarts() {
    play(Condition::Restarting, &matches([10, 20, 20, 4]), LONG);
}

#[test]
fn players_agree_while_a_page_is_hidden() {
    play(Condition::Hidden, &matches([20, 20, 10, 2]), LONG);
}

#[test]
fn players_agree_while_input_delays_change() {
    play(Condition::Adjusting, &matches([10, 6, 4, 1]), SHORT);
}

#[test]
fn players_keep_pace_with_a_machine_at_55_hz() {
    play(Condition::Uneven, &matches([4, 2, 2, 1]), LONG);
}

#[test]
fn players_keep_pace_with_machines_that_hitch() {
    play(Condition::Hitching, &matches([4, 2, 2, 1]), LONG);
}

#[test]
fn players_agree_when_16_bit_numbers_wrap() {
    play(Condition::Long, &[(2, 1)], Duration::from_secs(1200));
}
