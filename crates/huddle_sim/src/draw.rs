/// A random number that depends on nothing but a seed and the coordinates it is drawn for, so that
/// others can be left out or drawn in another order without changing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) const fn seeded(seed: u64) -> Self {
        Self(seed).at(0)
    }

    /// The number at one more coordinate.
    pub(super) const fn at(self, coordinate: u64) -> Self {
        // SplitMix64: the coordinate steps its sequence, the rest mixes the bits.
        let z = self.0.wrapping_add(
            coordinate
                .wrapping_add(1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15),
        );
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(z ^ (z >> 31))
    }

    /// Its bits, each as likely 0 as 1.
    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    /// Uniform from 0 to less than 1.
    pub(super) const fn unit(self) -> f64 {
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether what is this likely, of 1, happens.
    pub(super) fn happens(self, likely: f64) -> bool {
        self.unit() < likely
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
            // Each is 1000, with a deviation of 31.
            assert!(counts.iter().all(|n| (850..1150).contains(n)), "{counts:?}");
            // In units of the variance, with a deviation of 0.008.
            assert!(
                (correlation / 16_000.0 * 12.0).abs() < 0.04,
                "{correlation}"
            );
        }
    }
}
