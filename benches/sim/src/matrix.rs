use std::{
    panic,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use huddle_sim::{Condition, Failure, Scenario};

use crate::summary::Summary;

/// How often it is said how far it has come.
const NEWS: Duration = Duration::from_secs(5);

/// How many failures are shrunk.
const SHRUNK: usize = 5;

/// Plays everything and tells what failed. Returns whether nothing did.
pub(crate) fn play(seeds: u64, length: Duration) -> bool {
    // What panics is told at the end, with how to play it again.
    panic::set_hook(Box::new(|_| {}));
    let kinds = kinds(length);
    // Seed by seed, so that what fails often is known early.
    let games: Vec<_> = (1..=seeds)
        .flat_map(|seed| {
            kinds
                .iter()
                .enumerate()
                .map(move |(i, kind)| (i, kind, seed))
        })
        .map(|(i, kind, seed)| {
            (
                i,
                Scenario {
                    seed,
                    ..kind.clone()
                },
            )
        })
        .collect();
    let progress = Progress {
        next: AtomicUsize::new(0),
        told: Mutex::new(Told {
            summaries: kinds.iter().map(|_| Summary::default()).collect(),
            failures: Vec::new(),
            at: Instant::now(),
        }),
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| progress.work(&games));
        }
    });
    let told = progress.told.into_inner();
    let Told {
        mut summaries,
        failures,
        ..
    } = told.unwrap_or_else(PoisonError::into_inner);

    println!("{}", Summary::HEADER);
    for (kind, summary) in kinds.iter().zip(&mut summaries) {
        println!("{}", summary.row(kind));
    }
    let count = failures.len();
    for failure in failures.into_iter().take(SHRUNK) {
        eprintln!("shrinking: {}", failure.scenario);
        println!("\n{}", Scenario::shrink(failure, |_| {}));
    }
    if count > SHRUNK {
        println!("\nand {} more", count - SHRUNK);
    }
    count == 0
}

/// What is played: one scenario of each kind.
fn kinds(length: Duration) -> Vec<Scenario> {
    let conditions = [
        Condition::Clean,
        Condition::Lossy,
        Condition::Bursty,
        Condition::Parting,
    ];
    [2, 4, 8]
        .into_iter()
        .flat_map(|players| conditions.map(|condition| (condition, players)))
        .chain([(Condition::Vanishing, 8)])
        .map(|(condition, players)| Scenario::new(condition, players, 0, length))
        .collect()
}

/// How far the work has come.
struct Progress {
    /// The next game that nobody plays yet.
    next: AtomicUsize,
    told: Mutex<Told>,
}

struct Told {
    /// By kind.
    summaries: Vec<Summary>,
    failures: Vec<Failure>,
    at: Instant,
}

impl Progress {
    /// Plays games until there are no more.
    fn work(&self, games: &[(usize, Scenario)]) {
        while let Some((kind, game)) = games.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let result = game.run().map(|played| {
                (0..game.players)
                    .map(|player| played.outcome(player))
                    .collect::<Vec<_>>()
            });
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(outcomes) => told.summaries[*kind].add(outcomes),
                Err(failure) => {
                    eprintln!("failed: {failure}");
                    told.summaries[*kind].add_failure();
                    told.failures.push(failure);
                }
            }
            let done: u64 = told.summaries.iter().map(|summary| summary.games).sum();
            if told.at.elapsed() >= NEWS || done == games.len() as u64 {
                told.at = Instant::now();
                let failed = told.failures.len();
                eprintln!("{done} of {} games, {failed} failed", games.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_is_played_by_few_and_by_many() {
        let kinds = kinds(Duration::from_secs(1));
        assert_eq!(kinds.len(), 13);
        for condition in Condition::ALL {
            assert!(
                kinds
                    .iter()
                    .any(|kind| (kind.condition, kind.players) == (condition, 8))
            );
        }
    }
}
