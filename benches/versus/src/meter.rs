use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region};

use crate::step::{Outcome, Step};

/// Measures the cost of sessions, without the network between them.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// The first measured step.
    warm_up: u32,
    ticks: u64,
    /// The time of each step.
    times: Vec<Duration>,
    allocations: u64,
    allocated: u64,
}

/// The cost of one player's session, divided by the number of ticks that it simulated for the first
/// time. The slowest hundredth of the steps does not count, because other programs used the core
/// during those.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) micros: f64,
    pub(crate) allocations: f64,
    pub(crate) allocated_bytes: f64,
}

impl Meter {
    /// Creates a meter that ignores the steps before `warm_up`.
    pub(crate) fn after(warm_up: u32) -> Self {
        Self {
            warm_up,
            ..Self::default()
        }
    }

    pub(crate) fn measure(&mut self, step: u32, work: impl FnOnce() -> Step) -> Step {
        let region = Region::new(&INSTRUMENTED_SYSTEM);
        let started = Instant::now();
        let result = work();
        let time = started.elapsed();
        let change = region.change();
        if step >= self.warm_up {
            self.ticks += u64::from(result.outcome == Outcome::Simulated);
            self.times.push(time);
            self.allocations += (change.allocations + change.reallocations) as u64;
            // A reallocation counts only the bytes by which it grows.
            self.allocated += (change.bytes_allocated as u64)
                .saturating_add_signed(change.bytes_reallocated as i64);
        }
        result
    }

    pub(crate) fn cost(&self) -> Cost {
        let ticks = self.ticks.max(1) as f64;
        let mut times = self.times.clone();
        times.sort_unstable();
        times.truncate(times.len() - times.len() / 100);
        let time: Duration = times.iter().sum();
        let share = self.times.len() as f64 / times.len().max(1) as f64;
        Cost {
            micros: time.as_secs_f64() * share * 1e6 / ticks,
            allocations: self.allocations as f64 / ticks,
            allocated_bytes: self.allocated as f64 / ticks,
        }
    }
}
