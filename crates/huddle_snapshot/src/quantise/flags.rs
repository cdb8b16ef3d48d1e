//! Quantisation of flags.

use std::fmt;

/// A rule for `N` flags, from 1 to 32. One integer holds all of them.
///
/// ```
/// use huddle_snapshot::quantise::Flags;
///
/// let rule = Flags::new();
/// let quanta = rule.quantise([true, false, true]);
/// assert_eq!(quanta, 0b101);
/// assert_eq!(rule.dequantise(quanta), [true, false, true]);
/// assert_eq!(rule.to_string(), "flags 3");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags<const N: usize>(());

impl<const N: usize> Default for Flags<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Flags<N> {
    /// Creates a rule. `N` outside of 1 to 32 does not compile.
    pub fn new() -> Self {
        const { assert!(1 <= N && N <= 32, "flags must number 1 to 32") };
        Self(())
    }

    /// Returns the flags as an integer. The first flag is the lowest bit.
    pub fn quantise(&self, flags: [bool; N]) -> u32 {
        let bits = flags.iter().rev();
        bits.fold(0, |bits, &flag| bits << 1 | u32::from(flag))
    }

    /// Returns the flags in an integer. Bits beyond the last flag are ignored.
    pub fn dequantise(&self, bits: u32) -> [bool; N] {
        std::array::from_fn(|flag| bits >> flag & 1 == 1)
    }
}

impl<const N: usize> fmt::Display for Flags<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flags {N}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_bits_survive_the_round_trip(bits: u32) {
            let all = Flags::<32>::new();
            prop_assert_eq!(all.quantise(all.dequantise(bits)), bits);
            let few = Flags::<5>::new();
            prop_assert_eq!(few.quantise(few.dequantise(bits)), bits & 0x1f);
        }
    }
}
