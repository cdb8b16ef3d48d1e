//! The last inputs of a seat, as one member knows them (*input suffix*).

use std::collections::VecDeque;

/// The maximum number of ticks of one seat that a vote includes.
pub(super) const MAX_SUFFIX: usize = 512;

/// A hash of inputs or of a vote, for which no member can find a collision.
pub(super) type Digest = [u8; 16];

pub(super) fn short(hash: &blake3::Hasher) -> Digest {
    let mut digest = Digest::default();
    hash.finalize_xof().fill(&mut digest);
    digest
}

/// The maximum number of bytes of inputs that are kept per vote and seat.
pub(super) const MAX_SUFFIX_LEN: usize = 256 * 1024;

/// Inputs of consecutive ticks.
#[derive(Debug, Clone, Default)]
pub(super) struct InputSuffix {
    start: u32,
    inputs: VecDeque<Vec<u8>>,
    len: usize,
}

impl InputSuffix {
    pub(super) fn starting(start: u32) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }

    pub(super) fn start(&self) -> u32 {
        self.start
    }

    /// Returns the tick after the last one.
    pub(super) fn end(&self) -> u32 {
        self.start + self.inputs.len() as u32
    }

    pub(super) fn get(&self, tick: u32) -> Option<&[u8]> {
        let place = tick.checked_sub(self.start)?;
        self.inputs.get(place as usize).map(Vec::as_slice)
    }

    /// Appends the input of tick [`end`](Self::end). If there is no space, the first inputs are
    /// dropped.
    pub(super) fn push(&mut self, input: &[u8]) {
        self.inputs.push_back(input.to_vec());
        self.len += input.len();
        while self.inputs.len() > MAX_SUFFIX || self.len > MAX_SUFFIX_LEN {
            self.len -= self.inputs.pop_front().map_or(0, |first| first.len());
            self.start += 1;
        }
    }

    /// Adds inputs that overlap or follow. Other inputs replace all earlier ones.
    pub(super) fn add(&mut self, start: u32, inputs: &[Vec<u8>]) {
        if self.inputs.is_empty() || !(self.start..=self.end()).contains(&start) {
            *self = Self::starting(start);
        }
        let known = (self.end() - start) as usize;
        for input in inputs.iter().skip(known) {
            self.push(input);
        }
    }

    /// Returns the digest of the inputs from `first` to before `next`, if all of them are known.
    pub(super) fn digest(&self, first: u32, next: u32) -> Option<Digest> {
        let mut hash = blake3::Hasher::new();
        for tick in first..next {
            let input = self.get(tick)?;
            hash.update(&(input.len() as u32).to_le_bytes());
            hash.update(input);
        }
        Some(short(&hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suffix(start: u32, inputs: &[&[u8]]) -> InputSuffix {
        let mut suffix = InputSuffix::starting(start);
        inputs.iter().for_each(|input| suffix.push(input));
        suffix
    }

    #[test]
    fn overlapping_inputs_are_added_and_others_replace() {
        let mut some = suffix(5, &[b"a", b"b"]);
        some.add(6, &[b"x".to_vec(), b"c".to_vec()]);
        assert_eq!((some.start(), some.end()), (5, 8));
        assert_eq!(some.get(6), Some(&b"b"[..]));
        assert_eq!(some.get(7), Some(&b"c"[..]));
        assert_eq!((some.get(4), some.get(8)), (None, None));
        some.add(9, &[b"far".to_vec()]);
        assert_eq!((some.start(), some.end()), (9, 10));
    }

    #[test]
    fn different_inputs_have_different_digests() {
        let one = suffix(5, &[b"ab", b"c"]);
        let other = suffix(4, &[b"", b"ab", b"c"]);
        assert_eq!(one.digest(5, 7), other.digest(5, 7));
        assert_ne!(one.digest(5, 7), suffix(5, &[b"a", b"bc"]).digest(5, 7));
        assert_ne!(one.digest(5, 7), one.digest(5, 6));
        assert_eq!(one.digest(4, 7), None);
    }

    #[test]
    fn suffix_is_bounded() {
        let mut ticks = InputSuffix::default();
        ticks.add(0, &vec![vec![]; MAX_SUFFIX]);
        ticks.add(MAX_SUFFIX as u32, &[vec![7]]);
        assert_eq!((ticks.start(), ticks.end()), (1, MAX_SUFFIX as u32 + 1));
        assert_eq!(ticks.get(ticks.end() - 1), Some(&[7][..]));
        let mut bytes = InputSuffix::default();
        let count = (MAX_SUFFIX_LEN / 4096) as u32;
        bytes.add(0, &vec![vec![0; 4096]; count as usize]);
        bytes.add(count, &[vec![0]]);
        assert_eq!((bytes.start(), bytes.end()), (1, count + 1));
    }
}
