//! FNV-1a with 64 bits, the hash that peers exchange. It is the same on every machine and in every
//! build.
//!
//! It distinguishes builds of a game. It does not protect against a peer that constructs a collision.
//! The algorithm is described at <http://www.isthe.com/chongo/tech/comp/fnv/>.

/// An FNV-1a 64 hash in progress.
#[derive(Debug, Clone, Copy)]
pub struct Fnv64(u64);

impl Default for Fnv64 {
    fn default() -> Self {
        Self::new()
    }
}

impl Fnv64 {
    /// Starts a hash.
    pub const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds bytes to the hash.
    pub fn write(mut self, bytes: &[u8]) -> Self {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self
    }

    /// Adds the length of a string, then the string, so that the boundaries between strings matter.
    pub fn write_text(self, text: &str) -> Self {
        self.write(&(text.len() as u64).to_le_bytes())
            .write(text.as_bytes())
    }

    /// Returns the hash of everything that was added.
    pub const fn finish(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_published_test_vectors() {
        // The published test vectors.
        let hash = |text: &str| Fnv64::new().write(text.as_bytes()).finish();
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn text_boundaries_change_the_hash() {
        let hash = |a: &str, b: &str| Fnv64::new().write_text(a).write_text(b).finish();
        assert_ne!(hash("ab", "c"), hash("a", "bc"));
    }
}
