//! The last inputs of a seat, as one member knows them.

use std::collections::VecDeque;

/// The most ticks of one seat that are handed on with a vote.
pub(super) const MAX_TAIL: usize = 512;

/// Tells contents apart, also against whoever wants them to be taken for the same.
pub(super) type Digest = [u8; 16];

pub(super) fn short(hash: &blake3::Hasher) -> Digest {
    let mut digest = Digest::default();
    hash.finalize_xof().fill(&mut digest);
    digest
}

/// The most bytes of inputs that are kept for one member's vote about one seat.
pub(super) const MAX_TAIL_LEN: usize = 256 * 1024;

/// Inputs of consecutive ticks.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail {
    start: u32,
    inputs: VecDeque<Vec<u8>>,
    len: usize,
}

impl Tail {
    pub(super) fn starting(start: u32) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }

    pub(super) fn start(&self) -> u32 {
        self.start
    }

    /// The tick after the last.
    pub(super) fn end(&self) -> u32 {
        self.start + self.inputs.len() as u32
    }

    pub(super) fn get(&self, tick: u32) -> Option<&[u8]> {
        let place = tick.checked_sub(self.start)?;
        self.inputs.get(place as usize).map(Vec::as_slice)
    }

    /// The input of [`end`](Self::end). For more than there is room for the first ones go.
    pub(super) fn push(&mut self, input: &[u8]) {
        self.inputs.push_back(input.to_vec());
        self.len += input.len();
        while self.inputs.len() > MAX_TAIL || self.len > MAX_TAIL_LEN {
            self.len -= self.inputs.pop_front().map_or(0, |first| first.len());
            self.start += 1;
        }
    }

    /// Adds what follows or overlaps; what does not begins anew.
    pub(super) fn add(&mut self, start: u32, inputs: &[Vec<u8>]) {
        if self.inputs.is_empty() || !(self.start..=self.end()).contains(&start) {
            *self = Self::starting(start);
        }
        let known = (self.end() - start) as usize;
        for input in inputs.iter().skip(known) {
            self.push(input);
        }
    }

    /// Of the inputs from a tick until before another, if all of them are here.
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

    fn tail(start: u32, inputs: &[&[u8]]) -> Tail {
        let mut tail = Tail::starting(start);
        inputs.iter().for_each(|input| tail.push(input));
        tail
    }

    #[test]
    fn what_overlaps_is_added_and_what_does_not_begins_anew() {
        let mut some = tail(5, &[b"a", b"b"]);
        some.add(6, &[b"x".to_vec(), b"c".to_vec()]);
        assert_eq!((some.start(), some.end()), (5, 8));
        assert_eq!(some.get(6), Some(&b"b"[..]));
        assert_eq!(some.get(7), Some(&b"c"[..]));
        assert_eq!((some.get(4), some.get(8)), (None, None));
        some.add(9, &[b"far".to_vec()]);
        assert_eq!((some.start(), some.end()), (9, 10));
    }

    #[test]
    fn digests_tell_inputs_apart() {
        let one = tail(5, &[b"ab", b"c"]);
        let other = tail(4, &[b"", b"ab", b"c"]);
        assert_eq!(one.digest(5, 7), other.digest(5, 7));
        assert_ne!(one.digest(5, 7), tail(5, &[b"a", b"bc"]).digest(5, 7));
        assert_ne!(one.digest(5, 7), one.digest(5, 6));
        assert_eq!(one.digest(4, 7), None);
    }

    #[test]
    fn a_tail_is_bounded() {
        let mut ticks = Tail::default();
        ticks.add(0, &vec![vec![]; MAX_TAIL]);
        ticks.add(MAX_TAIL as u32, &[vec![7]]);
        assert_eq!((ticks.start(), ticks.end()), (1, MAX_TAIL as u32 + 1));
        assert_eq!(ticks.get(ticks.end() - 1), Some(&[7][..]));
        let mut bytes = Tail::default();
        let count = (MAX_TAIL_LEN / 4096) as u32;
        bytes.add(0, &vec![vec![0; 4096]; count as usize]);
        bytes.add(count, &[vec![0]]);
        assert_eq!((bytes.start(), bytes.end()), (1, count + 1));
    }
}
