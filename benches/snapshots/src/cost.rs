//! The time and the allocations of calls of a session.

use std::time::{Duration, Instant};

use stats_alloc::Region;

use crate::allocator::ALLOCATOR;

/// A call of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Receive,
    Delivered,
    Advance,
    /// What the game does: it sets values and polls events.
    Game,
    Write,
}

/// What the calls of a kind have cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    /// Including reallocations.
    pub(crate) allocations: u64,
}

/// What all calls of a peer have cost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Costs {
    costs: [Cost; 5],
    frame: Duration,
    /// The time of all calls of each frame.
    frames: Vec<Duration>,
}

impl Costs {
    /// Makes a call, and adds what it costs.
    pub(crate) fn measure<T>(&mut self, call: Call, run: impl FnOnce() -> T) -> T {
        let region = Region::new(ALLOCATOR);
        let start = Instant::now();
        let result = run();
        let time = start.elapsed();
        let change = region.change();
        let cost = &mut self.costs[call as usize];
        cost.time += time;
        cost.allocations += (change.allocations + change.reallocations) as u64;
        self.frame += time;
        result
    }

    /// All calls of a frame were made.
    pub(crate) fn end_frame(&mut self) {
        self.frames.push(std::mem::take(&mut self.frame));
    }

    pub(crate) fn of(&self, call: Call) -> Cost {
        self.costs[call as usize]
    }

    /// Returns the time of all calls of each frame.
    pub(crate) fn frames(&self) -> &[Duration] {
        &self.frames
    }
}
