use std::time::Duration;

use fastrand::Rng;

use crate::play::condition::Condition;

/// Everything that determines a match.
#[derive(Debug, Clone, Copy)]
pub(in crate::play) struct Recipe {
    pub(in crate::play) condition: Condition,
    /// The number of players.
    pub(in crate::play) players: usize,
    pub(in crate::play) seed: u64,
    pub(in crate::play) length: Duration,
}

impl Recipe {
    /// Returns the source of all random values of the match.
    pub(in crate::play) fn rng(&self) -> Rng {
        Rng::with_seed(self.seed ^ (self.condition as u64) << 56 ^ (self.players as u64) << 48)
    }

    /// Draws a time during the match, early enough that the consequences are visible.
    pub(super) fn moment(&self, rng: &mut Rng) -> Duration {
        let first = Duration::from_secs(4);
        let last = self
            .length
            .saturating_sub(Duration::from_secs(16))
            .max(first);
        first + (last - first).mul_f64(rng.f64())
    }

    /// Returns all players in random order.
    pub(super) fn shuffled(&self, rng: &mut Rng) -> Vec<usize> {
        let mut players: Vec<_> = (0..self.players).collect();
        rng.shuffle(&mut players);
        players
    }
}
