use std::time::Duration;

use crate::seat::{MAX_SEATS, Seat, SeatSet};

/// The amount of data that a session keeps. It does not grow with the length of a match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RollbackMemory {
    /// The number of states that the game has saved.
    pub saves: usize,
    /// The number of stored inputs, decoded and encoded. Each is the input of one seat in one tick.
    pub inputs: usize,
    /// The number of inputs and statements that are stored for the agreement on departures.
    pub agreement: usize,
    /// The number of messages and events that the caller has not polled.
    pub unread: usize,
}

/// Statistics of a match since its start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RollbackStats {
    /// The number of ticks that were simulated for the first time.
    pub ticks: u64,
    /// The number of rollbacks.
    pub rollbacks: u64,
    /// The number of resimulated ticks.
    pub resimulated: u64,
    /// The number of rollbacks of each depth, in resimulated ticks. The last entry includes all longer
    /// rollbacks.
    pub depths: [u64; 65],
    /// The number of steps in which the match waited.
    pub stalls: u64,
    /// The number of these steps that each seat caused. Several seats can cause the same step.
    pub stalls_by_seat: [u64; MAX_SEATS],
    /// The sum of the numbers of predicted ticks in all steps.
    pub lag_sum: u64,
    /// The maximum number of predicted ticks in a step.
    pub lag_max: u32,
    /// The number of received inputs that could not be decoded and were replaced by the default.
    pub undecodable: u64,
    /// The number of input requests that were sent because a peer's packets contained no new inputs.
    /// This happens while that peer waits for a third one.
    pub restarts: u64,
    /// The number of comparisons with the checksums of other peers.
    pub compared: u64,
    /// The duration of the longest wait.
    pub longest_wait: Duration,
}

impl Default for RollbackStats {
    fn default() -> Self {
        Self {
            ticks: 0,
            rollbacks: 0,
            resimulated: 0,
            depths: [0; 65],
            stalls: 0,
            stalls_by_seat: [0; MAX_SEATS],
            lag_sum: 0,
            lag_max: 0,
            undecodable: 0,
            restarts: 0,
            compared: 0,
            longest_wait: Duration::ZERO,
        }
    }
}

impl RollbackStats {
    /// Returns the number of stalls that a seat caused.
    pub fn stalls_of(&self, seat: Seat) -> u64 {
        self.stalls_by_seat.get(seat.index()).copied().unwrap_or(0)
    }

    /// Returns the depth that a share of the rollbacks, such as 0.99, did not exceed. Returns 0
    /// without rollbacks.
    pub fn depth_quantile(&self, share: f64) -> usize {
        let mut rest = (self.rollbacks as f64 * share).ceil() as u64;
        for (depth, &count) in self.depths.iter().enumerate() {
            if rest <= count && rest > 0 {
                return depth;
            }
            rest = rest.saturating_sub(count);
        }
        0
    }

    pub(super) fn rolled_back(&mut self, depth: u32) {
        if depth > 0 {
            self.rollbacks += 1;
            self.resimulated += u64::from(depth);
            let last = self.depths.len() - 1;
            self.depths[last.min(depth as usize)] += 1;
        }
    }

    pub(super) fn stalled(&mut self, missing: SeatSet, waited: Duration) {
        self.stalls += 1;
        for seat in missing.iter() {
            self.stalls_by_seat[seat.index()] += 1;
        }
        self.longest_wait = self.longest_wait.max(waited);
    }

    pub(super) fn stepped(&mut self, lag: u32) {
        self.lag_sum += u64::from(lag);
        self.lag_max = self.lag_max.max(lag);
    }
}
