/// A game whose state depends on all inputs, so that every difference stays visible.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Game {
    pub(crate) tick: i32,
    state: u64,
}

impl Game {
    pub(crate) fn advance(&mut self, inputs: impl Iterator<Item = u32>) {
        for input in inputs {
            self.state = (self.state ^ u64::from(input)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.state ^= self.state >> 29;
        }
        self.tick += 1;
    }

    pub(crate) fn checksum(&self) -> u128 {
        u128::from(self.state)
    }
}
