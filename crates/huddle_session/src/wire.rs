//! Reads and writes the numbers and slices that packets consist of.

use bytes::{Buf, BufMut, Bytes};

/// The maximum number of bytes that [`put_varint`] writes.
pub const MAX_VARINT_LEN: usize = 10;

/// Writes a number in as few bytes as possible: 7 bits per byte, lowest bits first (LEB128).
pub fn put_varint(out: &mut impl BufMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

/// Returns how many bytes [`put_varint`] writes for a number.
pub const fn varint_len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// The bytes that a [`Reader`] reads. [`Bytes`] returns slices without copying them; a borrowed
/// `&[u8]` costs nothing.
pub trait Source: Buf {
    /// Removes and returns the first `len` bytes. The source must contain at least that many.
    fn split(&mut self, len: usize) -> Self;
}

impl Source for Bytes {
    fn split(&mut self, len: usize) -> Self {
        self.split_to(len)
    }
}

impl Source for &[u8] {
    fn split(&mut self, len: usize) -> Self {
        let (first, rest) = self.split_at(len);
        *self = rest;
        first
    }
}

/// Reads a packet from the front. Every method returns `None` if the bytes end too early or are
/// invalid.
#[derive(Debug, Clone)]
pub struct Reader<S = Bytes>(S);

impl<S: Source> Reader<S> {
    /// Creates a reader of `bytes`.
    pub fn new(bytes: S) -> Self {
        Self(bytes)
    }

    /// Returns `true` if no bytes are left.
    pub fn is_empty(&self) -> bool {
        !self.0.has_remaining()
    }

    /// Reads a byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.0.try_get_u8().ok()
    }

    /// Reads a little-endian `u16`.
    pub fn u16(&mut self) -> Option<u16> {
        self.0.try_get_u16_le().ok()
    }

    /// Reads a little-endian `u32`.
    pub fn u32(&mut self) -> Option<u32> {
        self.0.try_get_u32_le().ok()
    }

    /// Reads a little-endian `u64`.
    pub fn u64(&mut self) -> Option<u64> {
        self.0.try_get_u64_le().ok()
    }

    /// Returns how many bytes are left.
    pub fn len(&self) -> usize {
        self.0.remaining()
    }

    /// Reads a number that [`put_varint`] wrote.
    pub fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for i in 0..MAX_VARINT_LEN {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit only.
            if i == MAX_VARINT_LEN - 1 && bits > 1 {
                return None;
            }
            value |= bits << (7 * i);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Reads a number that [`put_varint`] wrote and that fits into 32 bits.
    pub fn varint_u32(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    /// Returns everything that is left, without copying it.
    pub fn rest(self) -> S {
        self.0
    }

    /// Reads the next `len` bytes, without copying them.
    pub fn slice(&mut self, len: usize) -> Option<S> {
        (len <= self.len()).then(|| self.0.split(len))
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn varints_round_trip_with_the_predicted_length(shift in 0u32..64, value: u64) {
            let value = value >> shift;
            let mut out = BytesMut::new();
            put_varint(&mut out, value);
            prop_assert_eq!(out.len(), varint_len(value));
            let mut reader = Reader::new(out.freeze());
            prop_assert_eq!(reader.varint(), Some(value));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = Reader::new(Bytes::from(bytes));
            while reader.varint().is_some() && reader.u32().is_some() {}
        }
    }

    #[test]
    fn varints_beyond_64_bits_are_rejected() {
        let mut bytes = vec![0xff; 9];
        bytes.push(0x01);
        assert_eq!(
            Reader::new(Bytes::from(bytes.clone())).varint(),
            Some(u64::MAX)
        );
        bytes[9] = 0x02;
        assert_eq!(Reader::new(Bytes::from(bytes.clone())).varint(), None);
        bytes[9] = 0x81;
        assert_eq!(Reader::new(Bytes::from(bytes)).varint(), None);
    }

    #[test]
    fn reading_past_the_end_returns_none() {
        let mut reader = Reader::new(Bytes::from_static(&[1, 2, 3]));
        assert_eq!(reader.u32(), None);
        assert_eq!(reader.slice(2).as_deref(), Some(&[1, 2][..]));
        assert_eq!(reader.slice(2), None);
        assert_eq!(reader.u8(), Some(3));
        assert_eq!(reader.u8(), None);
    }
}
