//! Reliable messages between peers, which the game sends.

use std::time::Duration;

use fastrand::Rng;

use crate::{network::Conditions, time::TICK};

/// Messages on their way. A lost one is sent again when its ack is overdue.
#[derive(Debug)]
pub(crate) struct Messages<T> {
    conditions: Conditions,
    flying: Vec<(Duration, usize, T)>,
    rng: Rng,
}

impl<T> Messages<T> {
    pub(crate) fn new(conditions: Conditions, seed: u64) -> Self {
        Self {
            conditions,
            flying: Vec::new(),
            rng: Rng::with_seed(seed),
        }
    }

    pub(crate) fn send(&mut self, to: usize, now: Duration, message: T) {
        let mut sent = now;
        let delay = loop {
            match self.conditions.delay(&mut self.rng) {
                Some(delay) => break delay,
                None => sent += self.conditions.round_trip() + TICK * 4,
            }
        };
        self.flying.push((sent + delay, to, message));
    }

    /// Returns the next message that has arrived at a peer.
    pub(crate) fn receive(&mut self, to: usize, now: Duration) -> Option<T> {
        let arrived = |(at, receiver, _): &(Duration, usize, T)| *receiver == to && *at <= now;
        let found = self.flying.iter().position(arrived)?;
        Some(self.flying.swap_remove(found).2)
    }
}
