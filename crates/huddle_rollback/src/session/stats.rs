use std::time::Duration;

use crate::seat::{MAX_SEATS, Seat, SeatSet};

/// How much a session keeps, which does not grow with the length of a game.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RollbackMemory {
    /// States that the game has saved.
    pub saves: usize,
    /// Inputs of one tick and seat, as they are simulated and as they are sent.
    pub inputs: usize,
    /// Inputs that are kept for those who have to agree on who left, and what there is to tell them.
    pub agreement: usize,
    /// Messages and events that nobody has asked for.
    pub unread: usize,
}

/// How a game goes, counted from its start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RollbackStats {
    /// Ticks that were simulated for the first time.
    pub ticks: u64,
    /// How often the game went back.
    pub rollbacks: u64,
    /// Ticks that were simulated again.
    pub repeated: u64,
    /// Rollbacks by how many ticks were simulated again; all longer ones are counted in the last.
    pub depths: [u64; 65],
    /// Steps in which the game waited.
    pub stalls: u64,
    /// Of these, how many each seat caused. Several can cause the same one.
    pub stalls_by_seat: [u64; MAX_SEATS],
    /// The sum over all steps of how many ticks the game was ahead of the last confirmed one.
    pub lag_sum: u64,
    /// The most that ever was.
    pub lag_max: u32,
    /// Inputs of others that could not be decoded, in place of which the default was taken.
    pub undecodable: u64,
    /// How often another player's inputs were missing although packets came, and were asked for
    /// again. It happens while that player waits for a third.
    pub restarts: u64,
    /// For how long the game stood still at most.
    pub longest_wait: Duration,
}

impl Default for RollbackStats {
    fn default() -> Self {
        Self {
            ticks: 0,
            rollbacks: 0,
            repeated: 0,
            depths: [0; 65],
            stalls: 0,
            stalls_by_seat: [0; MAX_SEATS],
            lag_sum: 0,
            lag_max: 0,
            undecodable: 0,
            restarts: 0,
            longest_wait: Duration::ZERO,
        }
    }
}

impl RollbackStats {
    /// How many of the stalls a seat caused.
    pub fn stalls_of(&self, seat: Seat) -> u64 {
        self.stalls_by_seat.get(seat.index()).copied().unwrap_or(0)
    }

    /// The depth that this share of the rollbacks did not exceed, such as 0.99; 0 without any.
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
            self.repeated += u64::from(depth);
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
