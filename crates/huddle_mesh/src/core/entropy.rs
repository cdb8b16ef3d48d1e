use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A random number generator, seeded by the operating system in a game and by a number in a
/// simulation.
///
/// Its output is the SHA-256 hash of the seed and a counter, which is as unpredictable as the seed.
#[derive(Debug)]
pub(crate) struct Entropy {
    seed: [u8; 32],
    counter: u64,
}

impl Entropy {
    pub(crate) fn from_system() -> Self {
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        seed[16..].copy_from_slice(Uuid::new_v4().as_bytes());
        Self { seed, counter: 0 }
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn seeded(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            seed: bytes,
            counter: 0,
        }
    }

    fn block(&mut self) -> [u8; 32] {
        self.counter += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(self.counter.to_le_bytes());
        hash.finalize().into()
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        for chunk in out.chunks_mut(32) {
            chunk.copy_from_slice(&self.block()[..chunk.len()]);
        }
        out
    }

    pub(crate) fn uuid(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// Returns a number in `0.0..1.0`.
    pub(crate) fn fraction(&mut self) -> f32 {
        f32::from(u16::from_le_bytes(self.bytes())) / 65_536.0
    }

    /// Returns `base` plus up to 50%, so that peers do not act at the same time.
    pub(crate) fn jittered(&mut self, base: Duration) -> Duration {
        base.mul_f32(1.0 + 0.5 * self.fraction())
    }
}
