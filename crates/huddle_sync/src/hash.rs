//! The one hash that travels: FNV-1a with 64 bits, the same on every machine and in every build.
//!
//! It tells builds of a game apart; it is no protection against whoever wants a collision.

/// FNV-1a 64, fed piece by piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fnv64(u64);

impl Fnv64 {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn write(mut self, bytes: &[u8]) -> Self {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self
    }

    /// A text after its length, so that where one ends and the next begins counts.
    pub(crate) fn write_text(self, text: &str) -> Self {
        self.write(&(text.len() as u64).to_le_bytes())
            .write(text.as_bytes())
    }

    pub(crate) const fn finish(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_fnv1a() {
        // The published test vectors.
        let hash = |text: &str| Fnv64::new().write(text.as_bytes()).finish();
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn where_a_text_ends_counts() {
        let hash = |a: &str, b: &str| Fnv64::new().write_text(a).write_text(b).finish();
        assert_ne!(hash("ab", "c"), hash("a", "bc"));
    }
}
