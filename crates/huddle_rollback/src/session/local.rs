use std::time::Duration;

use huddle_session::Tick;

use crate::{
    clock::{DelayPolicy, InputDelay, copies},
    seat::Seat,
};

/// A seat of the local peer.
#[derive(Debug)]
pub(super) struct LocalSeat<I> {
    pub(super) seat: Seat,
    delay: InputDelay,
    last: I,
    /// The last tick for which the input was sampled.
    sampled_for: Option<Tick>,
}

impl<I: PartialEq + Default> LocalSeat<I> {
    /// Creates a seat. `window` is the prediction window.
    pub(super) fn new(seat: Seat, policy: DelayPolicy, window: u8) -> Self {
        Self {
            seat,
            delay: InputDelay::new(policy, window),
            last: I::default(),
            sampled_for: None,
        }
    }

    /// Samples the input of a tick unless it has been sampled. Returns the input, and how often to
    /// append it to the log.
    pub(super) fn sample(
        &mut self,
        tick: Tick,
        log_next: Tick,
        transit: Option<f64>,
        now: Duration,
        sample: impl FnOnce(Seat) -> I,
    ) -> Option<(&I, u32)> {
        if self.sampled_for == Some(tick) {
            return None;
        }
        self.sampled_for = Some(tick);
        let input = sample(self.seat);
        let is_steady = input == self.last;
        self.last = input;
        let delay = self.delay.next(transit, is_steady, now);
        Some((&self.last, copies(tick, log_next, delay)))
    }

    /// Makes the next step sample the input again, because it could not be sent.
    pub(super) fn sample_again(&mut self) {
        self.sampled_for = None;
    }

    pub(super) fn delay(&self) -> u8 {
        self.delay.ticks()
    }

    pub(super) fn set_delay(&mut self, policy: DelayPolicy) {
        self.delay.set(policy);
    }
}
