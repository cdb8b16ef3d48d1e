//! A slice of what `cargo xtask sim --all` plays: all of a game comes of a seed.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use huddle_sim::{Condition, Scenario};

/// Plays games on all cores; what fails is shrunk and told with how to play it again.
fn play(condition: Condition, games: &[(usize, u64)], length: Duration) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(&(players, seed)) = games.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(failure) = Scenario::new(condition, players, seed, length).run() {
                // Nobody else begins another.
                next.store(games.len(), Ordering::Relaxed);
                eprintln!("{failure}\n  shrinking");
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

/// So many games of two, of three, of four and of eight players.
fn games(of: [u64; 4]) -> Vec<(usize, u64)> {
    let kinds = [2, 3, 4, 8].into_iter().zip(of);
    // The long ones first, so that all cores are busy until the end.
    kinds
        .rev()
        .flat_map(|(players, seeds)| (1..=seeds).map(move |seed| (players, seed)))
        .collect()
}

const SHORT: Duration = Duration::from_secs(8);
const LONG: Duration = Duration::from_secs(20);

#[test]
fn players_agree_where_little_is_lost_or_late() {
    play(Condition::Clean, &games([10, 6, 4, 1]), SHORT);
}

#[test]
fn players_agree_over_lossy_links() {
    play(Condition::Lossy, &games([20, 12, 8, 2]), SHORT);
}

#[test]
fn players_agree_over_links_with_bursts_of_loss() {
    play(Condition::Bursty, &games([20, 12, 8, 2]), SHORT);
}

#[test]
fn players_agree_on_who_left_however_they_are_parted() {
    play(Condition::Parting, &games([30, 40, 30, 4]), LONG);
}

#[test]
fn players_agree_on_who_left_when_many_vanish_together() {
    play(Condition::Vanishing, &games([6, 12, 12, 6]), LONG);
}
