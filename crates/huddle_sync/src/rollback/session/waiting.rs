use std::time::Duration;

use crate::rollback::{MAX_SEATS, Seat, SeatSet};

/// For whom the game waits, and for how long it has.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    seats: SeatSet,
    /// For how long the game has waited for anybody.
    total: Duration,
    each: [Duration; MAX_SEATS],
}

impl Waiting {
    /// Time passes while the inputs of these seats are missing.
    pub(super) fn pass(&mut self, missing: SeatSet, passed: Duration) {
        self.total = if missing.is_empty() {
            Duration::ZERO
        } else {
            self.total + passed
        };
        for (i, waited) in self.each.iter_mut().enumerate() {
            *waited = match missing.contains(Seat(i as u8)) {
                true => *waited + passed,
                false => Duration::ZERO,
            };
        }
    }

    /// The seats that are waited for longer than this; their time begins anew.
    pub(super) fn longer_than(&mut self, limit: Duration) -> SeatSet {
        let mut longer = SeatSet::default();
        for (i, waited) in self.each.iter_mut().enumerate() {
            if *waited > limit {
                *waited = Duration::ZERO;
                longer = longer.with(Seat(i as u8));
            }
        }
        longer
    }

    /// For how long the game has waited.
    pub(super) fn total(&self) -> Duration {
        self.total
    }

    /// Says whether it waits for others than before.
    pub(super) fn changed(&mut self, seats: SeatSet) -> bool {
        std::mem::replace(&mut self.seats, seats) != seats
    }
}
