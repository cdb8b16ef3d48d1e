/// A random number that depends only on a seed and its coordinates. Other numbers can be left out or
/// drawn in another order without changing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) const fn seeded(seed: u64) -> Self {
        Self(seed).at(0)
    }

    /// Returns the number at one more coordinate.
    pub(super) const fn at(self, coordinate: u64) -> Self {
        // SplitMix64: the coordinate advances its sequence, and the rest mixes the bits.
        let z = self.0.wrapping_add(
            coordinate
                .wrapping_add(1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15),
        );
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(z ^ (z >> 31))
    }

    /// Returns its bits. Each is 0 or 1 with the same probability.
    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    /// Returns a number from 0 (inclusive) to 1 (exclusive), distributed uniformly.
    pub(super) const fn unit(self) -> f64 {
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Returns `true` with this probability.
    pub(super) fn happens(self, probability: f64) -> bool {
        self.unit() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_along_every_coordinate() {
        let draws: [fn(u64) -> Draw; 3] = [
            |n| Draw::seeded(1).at(n).at(7),
            |n| Draw::seeded(1).at(7).at(n),
            |n| Draw::seeded(n).at(7).at(7),
        ];
        for draw in draws {
            let mut counts = [0; 16];
            let mut correlation = 0.0;
            for n in 0..16_000 {
                let unit = draw(n).unit();
                counts[(unit * 16.0) as usize] += 1;
                correlation += (unit - 0.5) * (draw(n + 1).unit() - 0.5);
            }
            // Each count has a mean of 1000 and a standard deviation of 31.
            assert!(counts.iter().all(|n| (850..1150).contains(n)), "{counts:?}");
            // In units of the variance. The standard deviation is 0.008.
            assert!(
                (correlation / 16_000.0 * 12.0).abs() < 0.04,
                "{correlation}"
            );
        }
    }
}
