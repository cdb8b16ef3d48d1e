use std::fmt;

/// The length of a [`Digest`], in bytes.
pub const DIGEST_LEN: usize = 16;

/// The first bytes of the BLAKE3 hash of a content. Two contents with the same digest are the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; DIGEST_LEN]);

impl Digest {
    /// Returns the digest of a content.
    pub fn of(content: &[u8]) -> Self {
        let hash = blake3::hash(content);
        let mut digest = [0; DIGEST_LEN];
        let bytes = hash.as_bytes().iter();
        digest
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        Self(digest)
    }

    /// Reads a digest. Returns `None` if the length is wrong.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the bytes that travel in a record.
    pub const fn as_bytes(&self) -> &[u8; DIGEST_LEN] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_the_start_of_the_published_hash() {
        // The published test vector of BLAKE3 for no input.
        let digest = Digest::of(b"");
        assert_eq!(format!("{digest:?}"), "af1349b9f5f9a1a6a0404dea36dcc949");
        assert_eq!(Digest::read(digest.as_bytes()), Some(digest));
        assert_eq!(Digest::read(b"short"), None);
        assert_ne!(Digest::of(b"a"), Digest::of(b"b"));
    }
}
