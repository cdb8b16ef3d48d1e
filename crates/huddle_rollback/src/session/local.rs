use std::time::Duration;

use huddle_session::Tick;

use crate::{
    delay::{DelayPolicy, InputDelay, copies},
    seat::Seat,
};

/// A seat that is played on this machine.
#[derive(Debug)]
pub(super) struct LocalSeat<I> {
    pub(super) seat: Seat,
    delay: InputDelay,
    last: I,
    /// The tick for which the player was asked last.
    asked_for: Option<Tick>,
}

impl<I: PartialEq + Default> LocalSeat<I> {
    pub(super) fn new(seat: Seat, policy: DelayPolicy) -> Self {
        Self {
            seat,
            delay: InputDelay::new(policy),
            last: I::default(),
            asked_for: None,
        }
    }

    /// Asks the player what they do at a tick, unless that was asked before: what it is, and how many
    /// ticks of the log it is for.
    pub(super) fn ask(
        &mut self,
        tick: Tick,
        log_next: Tick,
        transit: Option<f64>,
        now: Duration,
        sample: impl FnOnce(Seat) -> I,
    ) -> Option<(&I, u32)> {
        if self.asked_for == Some(tick) {
            return None;
        }
        self.asked_for = Some(tick);
        let input = sample(self.seat);
        let is_steady = input == self.last;
        self.last = input;
        let delay = self.delay.next(transit, is_steady, now);
        Some((&self.last, copies(tick, log_next, delay)))
    }

    pub(super) fn delay(&self) -> u8 {
        self.delay.ticks()
    }

    pub(super) fn set_delay(&mut self, policy: DelayPolicy) {
        self.delay.set(policy);
    }
}
