//! The arithmetic of the hash.

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Combines 64-bit numbers into one. The order matters.
pub(super) trait Mix: Copy + Default {
    /// Whether the hash distinguishes everything that the bits distinguish. Otherwise it is the same
    /// on every machine.
    const EXACT: bool;

    fn add(&mut self, number: u64);
    fn finish(self) -> u64;
}

/// The hash of checksums.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mixer(u64);

impl Default for Mixer {
    fn default() -> Self {
        Self(0x243f_6a88_85a3_08d3)
    }
}

impl Mix for Mixer {
    const EXACT: bool = false;

    fn add(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(MULTIPLIER);
        self.0 ^= self.0 >> 29;
    }

    fn finish(self) -> u64 {
        avalanche(self.0)
    }
}

/// The hash that compares two values on one machine. Two lanes take turns, because a processor can
/// multiply in both at the same time.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct ExactMixer {
    next: u64,
    other: u64,
}

impl Mix for ExactMixer {
    const EXACT: bool = true;

    fn add(&mut self, number: u64) {
        // A difference in the highest bit alone, such as the sign of a number, would stay there.
        let number = number ^ (number >> 32);
        let mixed = (self.next ^ number).wrapping_mul(MULTIPLIER);
        self.next = self.other;
        self.other = mixed;
    }

    fn finish(self) -> u64 {
        mix(self.next, self.other)
    }
}

/// Spreads each bit over all bits (the finalizer of SplitMix64), so that sums of hashes collide no
/// more often than random numbers.
fn avalanche(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Combines two numbers. The order matters.
pub(in super::super) fn mix(a: u64, b: u64) -> u64 {
    let mut mixer = Mixer::default();
    mixer.add(a);
    mixer.add(b);
    mixer.finish()
}
