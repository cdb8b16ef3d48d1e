//! Plays many matches under every condition.

use std::{
    panic,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use huddle_sim::{Failure, Scenario};

use crate::{kinds::Kind, summary::Summary};

/// The interval between two lines of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// The maximum number of failures that are reduced to shorter matches.
const MAX_SHRUNK: usize = 5;

/// Plays every kind of match with `seeds` seeds, and prints a summary and the failures. Returns
/// whether all matches passed.
pub(crate) fn play(kinds: &[Kind], seeds: u64, length: Duration) -> bool {
    // Panics are reported at the end, with the command that reruns the match.
    panic::set_hook(Box::new(|_| {}));
    // Plays all kinds with one seed before the next seed, so that frequent failures appear early.
    let matches: Vec<_> = (1..=seeds)
        .flat_map(|seed| kinds.iter().enumerate().map(move |kind| (seed, kind)))
        .filter(|(seed, (_, kind))| *seed <= kind.seeds(seeds))
        .map(|(seed, (i, kind))| (i, kind.scenario(seed, length)))
        .collect();
    let progress = Progress {
        next: AtomicUsize::new(0),
        results: Mutex::new(Results {
            summaries: kinds.iter().map(|_| Summary::default()).collect(),
            failures: Vec::new(),
            last_printed: Instant::now(),
        }),
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| progress.play_matches(&matches));
        }
    });
    let results = progress.results.into_inner();
    let Results {
        mut summaries,
        failures,
        ..
    } = results.unwrap_or_else(PoisonError::into_inner);

    println!("{}", Summary::HEADER);
    for (kind, summary) in kinds.iter().zip(&mut summaries) {
        println!("{}", summary.row(*kind));
    }
    let count = failures.len();
    for failure in failures.into_iter().take(MAX_SHRUNK) {
        eprintln!("reducing {}", failure.scenario);
        println!("\n{}", Scenario::shrink(failure, |_| {}));
    }
    if count > MAX_SHRUNK {
        println!("\nand {} more failures", count - MAX_SHRUNK);
    }
    count == 0
}

/// The progress of all threads.
struct Progress {
    /// The index of the next match.
    next: AtomicUsize,
    results: Mutex<Results>,
}

struct Results {
    /// One summary for each kind.
    summaries: Vec<Summary>,
    failures: Vec<Failure>,
    /// The time of the last line of progress.
    last_printed: Instant,
}

impl Progress {
    /// Plays matches until all are played.
    fn play_matches(&self, matches: &[(usize, Scenario)]) {
        while let Some((kind, scenario)) = matches.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let result = scenario.run().map(|played| {
                (0..scenario.players)
                    .map(|player| played.outcome(player))
                    .collect::<Vec<_>>()
            });
            let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(outcomes) => results.summaries[*kind].add(outcomes),
                Err(failure) => {
                    eprintln!("failed: {failure}");
                    results.summaries[*kind].add_failure();
                    results.failures.push(failure);
                }
            }
            let done: u64 = results
                .summaries
                .iter()
                .map(|summary| summary.matches)
                .sum();
            if results.last_printed.elapsed() >= PROGRESS_INTERVAL || done == matches.len() as u64 {
                results.last_printed = Instant::now();
                let failed = results.failures.len();
                eprintln!("{done} of {} matches, {failed} failed", matches.len());
            }
        }
    }
}
