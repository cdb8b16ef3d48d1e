//! Measures all subjects in turns.

use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region};

use crate::{
    columns::BareCopy,
    ggrs::Ggrs,
    huddle::Huddle,
    library::{Game, Operation, Subject},
};

/// The operations before a measurement. Saves fill their memory, and queries find their tables.
const WARM_UP: u32 = 12;

/// The fewest and most operations of a measurement. bevy_ggrs never forgets the id of an entity, so
/// it gets slower in long measurements with spawns.
const OPERATIONS: (u32, u32) = (4, 2000);

/// One operation of one subject.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) micros: f64,
    pub(crate) allocations: f64,
}

/// All subjects in one round, or their medians.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub(crate) huddle: Cost,
    pub(crate) ggrs: Cost,
    pub(crate) ggrs_single: Cost,
    pub(crate) simulation_and_copy: Cost,
    pub(crate) simulation: Cost,
    pub(crate) copy: Cost,
}

type Measure = fn(Operation, Duration) -> Cost;

/// Measures a cell. In each round, all subjects are created again and measured in turns. The first
/// one changes with each round.
pub(crate) fn rounds<G: Game>(operation: Operation, rounds: usize, batch: Duration) -> Vec<Round> {
    let subjects: [Measure; 6] = [
        cost::<Huddle, G>,
        cost::<Ggrs<false>, G>,
        cost::<Ggrs<true>, G>,
        cost::<BareCopy<true, true>, G>,
        cost::<BareCopy<true, false>, G>,
        cost::<BareCopy<false, true>, G>,
    ];
    let none = Cost {
        micros: 0.0,
        allocations: 0.0,
    };
    let round = |number: usize| {
        let mut costs = [none; 6];
        for turn in 0..subjects.len() {
            let index = (number + turn) % subjects.len();
            costs[index] = subjects[index](operation, batch);
        }
        let [
            huddle,
            ggrs,
            ggrs_single,
            simulation_and_copy,
            simulation,
            copy,
        ] = costs;
        Round {
            huddle,
            ggrs,
            ggrs_single,
            simulation_and_copy,
            simulation,
            copy,
        }
    };
    (0..rounds).map(round).collect()
}

/// Measures for about the duration `batch`.
fn cost<S: Subject, G: Game>(operation: Operation, batch: Duration) -> Cost {
    let mut subject = S::new::<G>(operation);
    let start = Instant::now();
    for _ in 0..WARM_UP {
        subject.run();
    }
    let estimate = (start.elapsed() / WARM_UP).max(Duration::from_nanos(1));
    let count = (batch.as_nanos() / estimate.as_nanos()) as u32;
    let count = count.clamp(OPERATIONS.0, OPERATIONS.1);
    let region = Region::new(&INSTRUMENTED_SYSTEM);
    let start = Instant::now();
    for _ in 0..count {
        subject.run();
    }
    let time = start.elapsed();
    let change = region.change();
    Cost {
        micros: time.as_secs_f64() * 1e6 / f64::from(count),
        allocations: (change.allocations + change.reallocations) as f64 / f64::from(count),
    }
}

/// Runs this project's operation for a time.
pub(crate) fn repeat<G: Game>(operation: Operation, time: Duration) {
    let start = Instant::now();
    let mut subject = Huddle::new::<G>(operation);
    while start.elapsed() < time {
        subject.run();
    }
}

/// Returns the median of a quantity over all rounds.
pub(crate) fn median(rounds: &[Round], quantity: impl Fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(quantity).collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
