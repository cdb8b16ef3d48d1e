//! Random numbers that are the same for all players.

use bevy::prelude::*;
use serde::{Deserialize, Serialize};

/// A random number generator with the same numbers for all players. A rollback resets it together with
/// the world.
///
/// Each match has another seed, which all players contribute to.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::rollback::RollbackRng;
///
/// fn drop_coin(mut rng: ResMut<RollbackRng>) {
///     if rng.below(60) == 0 {
///         println!("a coin at {}", rng.f32());
///     }
/// }
/// # bevy::ecs::system::assert_is_system(drop_coin);
/// ```
///
/// The algorithm is SplitMix64 by Sebastiano Vigna
/// (<https://prng.di.unimi.it/splitmix64.c>).
#[derive(Resource, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackRng {
    state: u64,
}

/// The step of the state, which is odd, so that it takes all values.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl RollbackRng {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns a random number.
    pub fn u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// Returns a random number less than `end`, or 0 if `end` is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        // The high half of the product is evenly distributed up to an error of 2^-32.
        (((self.u64() >> 32) * u64::from(end)) >> 32) as u32
    }

    /// Returns a random number from 0 to less than 1.
    pub fn f32(&mut self) -> f32 {
        (self.u64() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Returns a generator that depends on the state of this one and on a key, such as an entity's
    /// [`RollbackId`](crate::rollback::RollbackId), and leaves this one unchanged. Use it where systems or
    /// loops draw numbers in an order that may differ.
    pub fn fork(&self, key: u64) -> Self {
        Self::new(mix(self.state ^ mix(key.wrapping_add(STEP))))
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_published_algorithm() {
        let mut rng = RollbackRng::new(1234567);
        // The first outputs of the reference implementation for this seed.
        let expected = [
            6457827717110365317,
            3203168211198807973,
            9817491932198370423,
        ];
        assert_eq!([(); 3].map(|()| rng.u64()), expected);
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut rng = RollbackRng::new(7);
        let drawn: Vec<_> = (0..1000).map(|_| rng.below(6)).collect();
        assert!((0..6).all(|n| drawn.contains(&n)) && drawn.iter().all(|&n| n < 6));
        assert!((0..1000).all(|_| (0.0..1.0).contains(&rng.f32())));
        assert_eq!(rng.below(0), 0);
    }

    #[test]
    fn fork_depends_on_the_key_alone() {
        let rng = RollbackRng::new(7);
        assert_eq!(rng.fork(1), rng.fork(1));
        assert_ne!(rng.fork(1).u64(), rng.fork(2).u64());
    }
}
