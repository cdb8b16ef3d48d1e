use std::time::{Duration, Instant};

use serde::Serialize;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region};

use crate::rival::{Outcome, Step};

/// Measures what sessions cost, without the network between them.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// What comes before this step is not counted.
    warm_up: u32,
    ticks: u64,
    time: Duration,
    allocations: u64,
    allocated: u64,
}

/// What one player's session costs per tick that was simulated for the first time.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Cost {
    pub(crate) players: usize,
    pub(crate) micros: f64,
    pub(crate) allocations: f64,
    pub(crate) allocated_bytes: f64,
}

impl Meter {
    pub(crate) fn after(warm_up: u32) -> Self {
        Self {
            warm_up,
            ..Self::default()
        }
    }

    pub(crate) fn measure(&mut self, step: u32, work: impl FnOnce() -> Step) -> Step {
        let region = Region::new(&INSTRUMENTED_SYSTEM);
        let started = Instant::now();
        let did = work();
        let time = started.elapsed();
        let change = region.change();
        if step >= self.warm_up {
            self.ticks += u64::from(did.outcome == Outcome::Simulated);
            self.time += time;
            self.allocations += (change.allocations + change.reallocations) as u64;
            // Growing counts as far as it grows.
            self.allocated += (change.bytes_allocated as u64)
                .saturating_add_signed(change.bytes_reallocated as i64);
        }
        did
    }

    pub(crate) fn cost(&self, players: usize) -> Cost {
        let ticks = self.ticks.max(1) as f64;
        Cost {
            players,
            micros: self.time.as_secs_f64() * 1e6 / ticks,
            allocations: self.allocations as f64 / ticks,
            allocated_bytes: self.allocated as f64 / ticks,
        }
    }
}
